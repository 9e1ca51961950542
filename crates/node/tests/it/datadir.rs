//! The data directory: one process at a time, and errors that name the other.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use quintet_node::datadir::{DataDir, DataDirError, default_path};

/// Names the directory that [`second_process`] locks, in the second process.
const CHILD_DIR: &str = "QUINTET_TEST_LOCK_DIR";

#[test]
fn a_second_handle_is_refused_until_the_last_clone_is_gone() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("dht/main");
    let first = DataDir::open(&path).unwrap();
    let clone = first.clone();
    drop(first);
    let error = DataDir::open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "data directory {} is in use by process {}: stop it, or choose another directory with --data-dir",
            path.display(),
            std::process::id()
        )
    );
    assert_eq!(clone.join("x"), path.join("x"));
    drop(clone);
    DataDir::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temp.path().join("a/b")).unwrap();
    for path in [temp.path().join("a"), dir.path().to_owned()] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(dir.join("lock").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_process_is_named_and_its_death_frees_the_lock() {
    let temp = tempfile::tempdir().unwrap();
    let mut child = child(&[(CHILD_DIR, temp.path().to_str().unwrap())]);
    wait_for(&mut child, "locked");
    let error = DataDir::open(temp.path()).unwrap_err();
    let pid = child.id();
    assert!(
        matches!(error, DataDirError::Locked { pid: Some(held), .. } if held == pid),
        "{error}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    DataDir::open(temp.path()).unwrap();
}

#[test]
fn the_default_path_follows_xdg() {
    let vars = [("XDG_DATA_HOME", "/somewhere/data"), ("QUINTET_TEST_PRINT_PATH", "1")];
    let output = child(&vars).wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\npath /somewhere/data/quintet/dht/main\n"), "{text}");
}

#[test]
fn a_name_that_leads_out_of_the_directory_is_refused() {
    for name in ["", "..", "a/b", "a\\b", "a b"] {
        let error = default_path("dht", name).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "expected a name of letters, digits, '-' and '_' for the network; found {name:?}"
            )
        );
    }
}

#[test]
fn a_path_that_cannot_be_made_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = DataDir::open(file.join("below")).unwrap_err().to_string();
    assert!(error.contains("file/below: cannot create it"), "{error}");
}

/// No test of its own, and nothing without its variables: what the second process of the others does.
#[test]
fn second_process() {
    if let Ok(dir) = env::var(CHILD_DIR) {
        let _held = DataDir::open(dir).unwrap();
        println!("\nlocked");
        // Until the parent kills us or goes away.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    if env::var_os("QUINTET_TEST_PRINT_PATH").is_some() {
        println!("\npath {}", default_path("dht", "main").unwrap().display());
    }
}

/// Runs [`second_process`] in one.
fn child(vars: &[(&str, &str)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "datadir::second_process", "--nocapture"])
        .envs(vars.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(child: &mut Child, line: &str) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.map_while(Result::ok).any(|found| found == line);
    assert!(found, "the second process never printed {line:?}");
}
