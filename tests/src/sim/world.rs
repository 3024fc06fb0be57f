//! Sessions, the engine and the mirror, turn by turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nuthatch_core::{ALL_COMMANDS, Config, Engine, HostFacts, Options, SessionId, SessionInfo};

use super::model::Model;
use super::reply::{OK, QUEUED, array, bulk, bulks, count};
use super::{Dice, generate};

type Bytes = Vec<u8>;

/// A blocked pop, as the mirror sees it.
#[derive(Debug)]
struct Wait {
    keys: Vec<Bytes>,
    left: bool,
    deadline: Option<i64>,
}

/// One connection.
#[derive(Debug)]
struct Client {
    id: SessionId,
    /// Commands on their way: the bytes not yet handed to the engine, and each command with where its bytes end.
    unsent: VecDeque<u8>,
    coming: VecDeque<(usize, Vec<Bytes>)>,
    handed: usize,
    /// What it must have been sent and was not yet taken.
    owed: Bytes,
    queue: Option<Vec<Vec<Bytes>>>,
    watched: Vec<(Bytes, u64)>,
    wait: Option<Wait>,
    channels: BTreeSet<Bytes>,
    /// Subscribes and nothing else.
    listens: bool,
}

/// The whole simulation.
#[derive(Debug)]
pub struct World {
    dice: Dice,
    engine: Engine,
    model: Model,
    clients: BTreeMap<usize, Client>,
    next_client: usize,
    /// Who waits for a key, in the order of coming.
    waiting: BTreeMap<Bytes, VecDeque<usize>>,
    now: i64,
    /// The last commands that ran, for the message of a failure.
    past: VecDeque<String>,
    /// Commands that ran.
    pub ran: usize,
}

const CLIENTS: usize = 12;
const REMEMBERED: usize = 40;

impl World {
    /// A world that this seed decides.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let now = 1_700_000_000_000;
        let mut config = Config::default();
        // Collections leave their compact form within a run's few hundred changes.
        config.hash_max_listpack_entries = 16;
        config.set_max_listpack_entries = 16;
        config.zset_max_listpack_entries = 16;
        let seed = dice.seed();
        let engine = Engine::new(Options { commands: ALL_COMMANDS, config, host: facts(), seed, now });
        let mut model = Model::default();
        model.now = now;
        let (clients, waiting, past) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { dice, engine, model, clients, next_client: 0, waiting, now, past, ran: 0 }
    }

    /// One turn: something comes in, or time passes, or a connection opens or breaks off. Then every session must have
    /// been sent exactly what the mirror says.
    ///
    /// # Errors
    /// What differs, with the commands before it.
    pub fn turn(&mut self) -> Result<(), String> {
        match self.dice.below(40) {
            0 if self.clients.len() < CLIENTS => self.open(),
            1 if self.dice.once_in(8) => self.break_off(),
            2..6 => self.pass_time(),
            _ if self.clients.is_empty() => self.open(),
            _ => self.talk(),
        }
        self.compare()
    }

    fn open(&mut self) {
        let id = self.engine.open_session(SessionInfo::default(), self.now);
        let client = Client {
            id,
            unsent: VecDeque::new(),
            coming: VecDeque::new(),
            handed: 0,
            owed: Bytes::new(),
            queue: None,
            watched: Vec::new(),
            wait: None,
            channels: BTreeSet::new(),
            listens: self.dice.once_in(6),
        };
        self.clients.insert(self.next_client, client);
        self.next_client += 1;
    }

    /// A connection ends wherever it stands: mid-command, waiting, in a transaction.
    fn break_off(&mut self) {
        let Some(number) = self.anyone() else { return };
        self.stop_waiting(number);
        if let Some(client) = self.clients.remove(&number) {
            self.engine.close_session(client.id);
        }
    }

    fn anyone(&mut self) -> Option<usize> {
        let at = self.dice.below(self.clients.len());
        self.clients.keys().nth(at).copied()
    }

    fn pass_time(&mut self) {
        let step = *self.dice.pick(&[0, 10, 10, 50, 100, 1000, 200_000]);
        self.now += step;
        self.model.now = self.now;
        if self.now >= self.engine.poll_timeout() {
            self.engine.handle_timeout(self.now);
        }
        let over = |wait: &Wait| wait.deadline.is_some_and(|deadline| self.now > deadline);
        let ended: Vec<usize> = self
            .clients
            .iter()
            .filter(|(_, c)| c.wait.as_ref().is_some_and(over))
            .map(|(&number, _)| number)
            .collect();
        for number in ended {
            self.stop_waiting(number);
            self.owe(number, &Model::nothing());
        }
        if self.dice.once_in(4) {
            self.engine.handle_idle(self.now);
        }
    }

    /// One client thinks of commands if it has none under way, and some of its bytes arrive.
    fn talk(&mut self) {
        let Some(number) = self.anyone() else { return };
        let Some(client) = self.clients.get_mut(&number) else { return };
        if client.wait.is_some() {
            return;
        }
        if client.unsent.is_empty() {
            think(&mut self.dice, client);
        }
        let most = client.unsent.len();
        let length = match self.dice.below(4) {
            0 => 1 + self.dice.below(3),
            1 => 1 + self.dice.below(most),
            _ => most,
        };
        let chunk: Vec<u8> = client.unsent.drain(..length.min(most)).collect();
        client.handed += chunk.len();
        let (id, handed) = (client.id, client.handed);
        self.engine.handle_bytes(id, &chunk, self.now);
        while let Some(words) = self.arrived(number, handed) {
            self.run(number, &words);
            self.serve_waiters();
        }
    }

    fn arrived(&mut self, number: usize, handed: usize) -> Option<Vec<Bytes>> {
        let client = self.clients.get_mut(&number)?;
        if client.coming.front()?.0 > handed {
            return None;
        }
        client.coming.pop_front().map(|(_, words)| words)
    }

    fn owe(&mut self, number: usize, bytes: &[u8]) {
        if let Some(client) = self.clients.get_mut(&number) {
            client.owed.extend_from_slice(bytes);
        }
    }

    fn run(&mut self, number: usize, words: &[Bytes]) {
        self.ran += 1;
        let shown: Vec<String> = words.iter().map(|w| crate::resp::quote(&w[..w.len().min(30)])).collect();
        self.past.push_back(format!("{} client {number}: {}", self.now, shown.join(" ")));
        if self.past.len() > REMEMBERED {
            self.past.pop_front();
        }
        let name = words[0].to_ascii_uppercase();
        let queueing = self.clients.get(&number).is_some_and(|client| client.queue.is_some());
        let answer = match name.as_slice() {
            b"EXEC" => self.exec(number),
            b"DISCARD" => self.forget_transaction(number),
            _ if queueing => {
                if let Some(queue) = self.clients.get_mut(&number).and_then(|client| client.queue.as_mut()) {
                    queue.push(words.to_vec());
                }
                QUEUED.into()
            }
            _ => self.execute(number, words, true),
        };
        self.owe(number, &answer);
    }

    /// Runs a command whose turn has come; what it answers, nothing if it waits.
    fn execute(&mut self, number: usize, words: &[Bytes], may_wait: bool) -> Bytes {
        match words[0].as_slice() {
            b"MULTI" => {
                if let Some(client) = self.clients.get_mut(&number) {
                    client.queue = Some(Vec::new());
                }
                OK.into()
            }
            b"WATCH" => self.watch(number, &words[1..]),
            b"BLPOP" | b"BRPOP" => self.pop(number, words, may_wait),
            b"SUBSCRIBE" | b"UNSUBSCRIBE" => self.subscribe(number, &words[0], &words[1]),
            b"PUBLISH" => self.publish(&words[1], &words[2]),
            _ => self.model.run(words),
        }
    }

    fn watch(&mut self, number: usize, keys: &[Bytes]) -> Bytes {
        for key in keys {
            let version = self.model.version(key);
            if let Some(client) = self.clients.get_mut(&number)
                && !client.watched.iter().any(|(watched, _)| watched == key)
            {
                client.watched.push((key.clone(), version));
            }
        }
        OK.into()
    }

    fn forget_transaction(&mut self, number: usize) -> Bytes {
        if let Some(client) = self.clients.get_mut(&number) {
            client.queue = None;
            client.watched.clear();
        }
        OK.into()
    }

    fn exec(&mut self, number: usize) -> Bytes {
        let Some(client) = self.clients.get_mut(&number) else { return Bytes::new() };
        let (queue, watched) = (client.queue.take().unwrap_or_default(), std::mem::take(&mut client.watched));
        if watched.iter().any(|(key, version)| self.model.version(key) != *version) {
            return Model::nothing();
        }
        let answers: Vec<Bytes> = queue.iter().map(|words| self.execute(number, words, false)).collect();
        array(&answers)
    }

    fn pop(&mut self, number: usize, words: &[Bytes], may_wait: bool) -> Bytes {
        let left = words[0] == b"BLPOP";
        let (keys, seconds) = words[1..].split_at(words.len() - 2);
        for key in keys {
            if let Some(answer) = self.model.pop(key, left) {
                return answer.unwrap_or_else(|error| error);
            }
        }
        if !may_wait {
            return Model::nothing();
        }
        let millis =
            String::from_utf8_lossy(&seconds[0]).parse::<f64>().map_or(0, |s| (s * 1000.0).round() as i64);
        let deadline = (millis > 0).then_some(self.now + millis);
        for key in keys {
            self.waiting.entry(key.clone()).or_default().push_back(number);
        }
        if let Some(client) = self.clients.get_mut(&number) {
            client.wait = Some(Wait { keys: keys.to_vec(), left, deadline });
        }
        Bytes::new()
    }

    fn stop_waiting(&mut self, number: usize) {
        let wait = self.clients.get_mut(&number).and_then(|client| client.wait.take());
        for key in wait.into_iter().flat_map(|wait| wait.keys) {
            if let Some(queue) = self.waiting.get_mut(&key) {
                queue.retain(|&other| other != number);
            }
        }
    }

    /// Those who wait for keys that became ready, first come, first served.
    fn serve_waiters(&mut self) {
        while !self.model.ready.is_empty() {
            let key = self.model.ready.remove(0);
            while let Some(&number) = self.waiting.get(&key).and_then(VecDeque::front) {
                let left =
                    self.clients.get(&number).and_then(|c| c.wait.as_ref()).is_some_and(|wait| wait.left);
                let Some(Ok(answer)) = self.model.pop(&key, left) else { break };
                self.stop_waiting(number);
                self.owe(number, &answer);
            }
        }
    }

    fn subscribe(&mut self, number: usize, name: &[u8], channel: &Bytes) -> Bytes {
        let Some(client) = self.clients.get_mut(&number) else { return Bytes::new() };
        if name == b"SUBSCRIBE" {
            client.channels.insert(channel.clone());
        } else {
            client.channels.remove(channel);
        }
        array(&[bulk(&name.to_ascii_lowercase()), bulk(channel), count(client.channels.len())])
    }

    fn publish(&mut self, channel: &Bytes, message: &Bytes) -> Bytes {
        let sent = bulks([b"message".to_vec(), channel.clone(), message.clone()].iter());
        let mut receivers = 0;
        for client in self.clients.values_mut().filter(|client| client.channels.contains(channel)) {
            client.owed.extend_from_slice(&sent);
            receivers += 1;
        }
        count(receivers)
    }

    /// What the engine holds for each session must be what the mirror owes it; some of it is then taken.
    fn compare(&mut self) -> Result<(), String> {
        for (number, client) in &mut self.clients {
            let output = self.engine.output(client.id);
            if output != client.owed {
                let show = |bytes: &[u8]| crate::resp::quote(&bytes[..bytes.len().min(2000)]);
                let past: Vec<&str> = self.past.iter().map(String::as_str).collect();
                let (must, did) = (show(&client.owed), show(output));
                return Err(format!(
                    "client {number}\n  must have: {must}\n  has:       {did}\n{}",
                    past.join("\n")
                ));
            }
            let taken = if self.dice.once_in(3) { self.dice.below(output.len() + 1) } else { output.len() };
            self.engine.consume_output(client.id, taken);
            client.owed.drain(..taken);
        }
        Ok(())
    }
}

/// Gives a client some commands, written out; a blocking one is the last.
fn think(dice: &mut Dice, client: &mut Client) {
    let mut end = client.handed;
    for _ in 0..=dice.below(5) {
        let in_transaction = transaction_under_way(client);
        let words = next_command(dice, client.listens, in_transaction);
        let blocks = words[0].starts_with(b"B") && !in_transaction;
        let bytes = generate::wire(dice, &words);
        end += bytes.len();
        client.unsent.extend(bytes);
        client.coming.push_back((end, words));
        if blocks {
            break;
        }
    }
}

/// Whether the commands that are thought of already leave a transaction open.
fn transaction_under_way(client: &Client) -> bool {
    let last = client.coming.iter().rev().find_map(|(_, words)| match words[0].as_slice() {
        b"MULTI" => Some(true),
        b"EXEC" | b"DISCARD" => Some(false),
        _ => None,
    });
    last.unwrap_or(client.queue.is_some())
}

fn next_command(dice: &mut Dice, listens: bool, in_transaction: bool) -> Vec<Bytes> {
    let words = |text: &[&str]| text.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let channel = *dice.pick(&["c0", "c1", "c2"]);
    if listens {
        let name = *dice.pick(&["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]);
        return words(&[name, channel]);
    }
    match dice.below(24) {
        0 | 1 if in_transaction => words(&["EXEC"]),
        2 if in_transaction && dice.once_in(4) => words(&["DISCARD"]),
        0 if !in_transaction => words(&["MULTI"]),
        1 if !in_transaction => vec![b"WATCH".to_vec(), generate::key(dice, "s"), generate::key(dice, "l")],
        3 => words(&["PUBLISH", channel, "news"]),
        4 => {
            let name = *dice.pick(&["BLPOP", "BRPOP"]);
            let seconds = *dice.pick(&["0", "0.005", "0.105", "1.005"]);
            let (one, two) = (generate::key(dice, "l"), generate::key(dice, "l"));
            let keys = if one == two { vec![one] } else { vec![one, two] };
            [words(&[name]), keys, words(&[seconds])].concat()
        }
        _ => generate::command(dice),
    }
}

pub(super) fn facts() -> HostFacts {
    HostFacts { process_id: 1, os: "simulation", ..HostFacts::UNKNOWN }
}
