//! How much memory this process may use: the machine's, or less where a control group says so.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that the process may use; `u64::MAX` where nobody tells.
pub fn usable() -> u64 {
    usable_below(Path::new("/"))
}

/// The same as far as `proc` and `sys` below `root` tell of it. A group's limit holds for the groups in it too, and in a
/// container the file that names the group may tell a path of which only the end, or nothing, is to be seen.
fn usable_below(root: &Path) -> u64 {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| total(&text));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().chain(["0::/", "0:memory:/"]).flat_map(|line| files(root, line));
    let limits = limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    limits.filter(|limit| *limit > 0).chain(machine).min().unwrap_or(u64::MAX)
}

/// The machine's memory, of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The files that may hold the limits of a group, named by a line of `/proc/self/cgroup`, and of those that it lies in.
fn files(root: &Path, line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (folders, name): (&[&str], _) = match controllers {
        "" => (&["sys/fs/cgroup", "sys/fs/cgroup/unified"], "memory.max"),
        _ if controllers.split(',').any(|one| one == "memory") => {
            (&["sys/fs/cgroup/memory"], "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let group = Path::new(group.trim_start_matches('/'));
    let above = |folder: &&str| {
        let folder = root.join(folder);
        group.ancestors().map(move |group| folder.join(group).join(name)).collect::<Vec<_>>()
    };
    folders.iter().flat_map(above).collect()
}

#[cfg(test)]
mod tests {
    use super::usable_below;
    use std::fs;
    use std::path::PathBuf;

    /// A machine of 16 GiB whose process is in the group of the line, with these limits.
    fn told(test: &str, group: &str, limits: &[(&str, &str)]) -> u64 {
        let root: PathBuf =
            std::env::temp_dir().join(format!("nuthatch-limit-{}-{test}", std::process::id()));
        let write = |name: &str, text: &str| {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:        1 kB\n");
        write("proc/self/cgroup", group);
        limits.iter().for_each(|(name, text)| write(&format!("sys/fs/cgroup/{name}"), text));
        let usable = usable_below(&root);
        fs::remove_dir_all(root).unwrap();
        usable
    }

    #[test]
    fn the_machine_and_every_group_count() {
        const GIB: u64 = 1 << 30;
        assert_eq!(told("none", "0::/user\n", &[("user/memory.max", "max\n")]), 16 * GIB);
        assert_eq!(told("v2", "0::/a/b\n", &[("a/b/memory.max", "1073741824\n")]), GIB);
        assert_eq!(
            told("above", "0::/a/b\n", &[("a/b/memory.max", "max\n"), ("a/memory.max", "2147483648\n")]),
            2 * GIB,
            "a group's limit holds for those in it"
        );
        assert_eq!(
            told("container", "0::/\n", &[("memory.max", "536870912\n")]),
            GIB / 2,
            "a container sees its own group as the top"
        );
        let v1 = "9:name=systemd:/\n4:cpu,memory:/docker/1f\n0::/\n";
        assert_eq!(told("v1", v1, &[("memory/docker/1f/memory.limit_in_bytes", "1073741824\n")]), GIB);
        assert_eq!(
            told("v1-container", v1, &[("memory/memory.limit_in_bytes", "1073741824\n")]),
            GIB,
            "or names a path that is not to be seen"
        );
        assert_eq!(
            told("v1-none", v1, &[("memory/memory.limit_in_bytes", "9223372036854771712\n")]),
            16 * GIB
        );
    }
}
