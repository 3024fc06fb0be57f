//! Files that lie in memory, and jobs on them, which end in the order in which they came.

use std::collections::{BTreeMap, VecDeque};

use nuthatch_core::{Done, Job, JobError, JobId};

/// The files.
#[derive(Debug, Default)]
pub(super) struct MemoryFiles {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    pending: VecDeque<(JobId, Job)>,
}

impl MemoryFiles {
    pub(super) fn take(&mut self, id: JobId, job: Job) {
        self.pending.push_back((id, job));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// What a crash leaves: jobs that were not carried out are not.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Vec<u8>> {
        self.files.get(name)
    }

    pub(super) fn put(&mut self, name: &[u8], bytes: Vec<u8>) {
        self.files.insert(name.to_vec(), bytes);
    }

    /// Carries out the next job.
    pub(super) fn step(&mut self) -> Option<(JobId, Done)> {
        let (id, job) = self.pending.pop_front()?;
        Some((id, self.carry_out(job)))
    }

    fn carry_out(&mut self, job: Job) -> Done {
        match job {
            Job::Create { file } => drop(self.files.insert(file, Vec::new())),
            Job::Append { file, bytes } => {
                self.files.entry(file).or_default().extend_from_slice(&bytes);
                return Done::Appended(bytes);
            }
            Job::Publish { file, name, .. } => {
                let bytes = self.files.remove(&file).unwrap_or_default();
                self.files.insert(name, bytes);
            }
            Job::Remove { file } => drop(self.files.remove(&file)),
            Job::Read { file, offset, len, mut into } => {
                let Some(bytes) = self.files.get(&file) else {
                    return Done::Failed(JobError {
                        missing: true,
                        full: false,
                        text: "No such file".to_owned(),
                    });
                };
                let from = usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
                into.clear();
                into.extend_from_slice(&bytes[from..bytes.len().min(from + len)]);
                return Done::Read { bytes: into, size: bytes.len() as u64 };
            }
            other => {
                return Done::Failed(JobError {
                    missing: false,
                    full: false,
                    text: format!("no job of here: {other:?}"),
                });
            }
        }
        Done::Finished
    }
}
