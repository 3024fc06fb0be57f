//! The connections, by their session's slot.

use crate::listen::Stream;
use nuthatch_core::SessionId;

/// A connection.
#[derive(Debug)]
pub struct Client {
    /// Its session.
    pub id: SessionId,
    /// Its socket.
    pub stream: Stream,
    /// The socket took less than was there; the poll tells when it takes more.
    pub stuck: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Clients {
    slots: Vec<Option<Client>>,
    count: usize,
}

impl Clients {
    /// Adds one, in its session's slot.
    pub fn insert(&mut self, client: Client) {
        let slot = client.id.slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot] = Some(client);
        self.count += 1;
    }

    /// The one in that slot.
    pub fn at(&mut self, slot: usize) -> Option<&mut Client> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// The one of that session.
    pub fn get(&mut self, id: SessionId) -> Option<&mut Client> {
        self.at(id.slot as usize).filter(|client| client.id == id)
    }

    /// Forgets it, which closes its socket.
    pub fn remove(&mut self, id: SessionId) {
        if let Some(slot) = self.slots.get_mut(id.slot as usize)
            && slot.take_if(|client| client.id == id).is_some()
        {
            self.count -= 1;
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }
}
