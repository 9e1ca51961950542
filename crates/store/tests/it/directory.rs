//! A store's directory: one holder, one engine, and nothing of anybody else's.

use std::fs;

use quintet_store::{EngineKind, Schema, Store, StoreError};

use crate::subject::{SCHEMA, Subject, options};

const ENGINES: [EngineKind; 2] = [EngineKind::Fjall, EngineKind::Redb];

#[test]
fn a_second_open_names_the_holder_and_succeeds_after_the_first_is_gone() {
    for engine in ENGINES {
        let subject = Subject::directory(engine);
        let first = subject.open();
        let error = subject.open_as(&SCHEMA).expect_err("the directory is held");
        let holder = std::process::id().to_string();
        assert!(
            matches!(&error, StoreError::Locked { holder: found, .. } if *found == holder),
            "{error}"
        );
        let snapshot = first.snapshot().expect("a snapshot");
        drop(first);
        assert!(subject.open_as(&SCHEMA).is_err(), "a snapshot still holds the directory");
        drop(snapshot);
        drop(subject.open());
    }
}

#[test]
fn a_directory_of_another_engine_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(Store::open(directory.path(), &SCHEMA, &options(EngineKind::Redb)).expect("a store"));
    let error = Store::open(directory.path(), &SCHEMA, &options(EngineKind::Fjall))
        .expect_err("another engine");
    assert!(
        matches!(&error, StoreError::EngineMismatch { expected, actual, .. }
            if expected == "fjall" && actual == "redb"),
        "{error}"
    );
}

#[test]
fn a_directory_with_other_files_is_left_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("holiday.jpg"), b"...").expect("a file");
    for engine in ENGINES {
        let error =
            Store::open(directory.path(), &SCHEMA, &options(engine)).expect_err("not a store");
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    }
    let names = fs::read_dir(directory.path()).expect("a listing").count();
    assert_eq!(names, 1, "nothing was added");
}

#[test]
fn an_open_that_stopped_before_the_engine_was_named_can_be_repeated() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("LOCK"), b"12345\n").expect("a file");
    fs::write(directory.path().join("ENGINE.partial"), b"re").expect("a file");
    drop(Store::open(directory.path(), &SCHEMA, &options(EngineKind::Redb)).expect("a store"));
}

#[test]
fn engine_files_left_by_an_interrupted_creation_are_made_anew() {
    for engine in ENGINES {
        let directory = tempfile::tempdir().expect("a directory");
        let name = engine.name();
        fs::write(directory.path().join("ENGINE"), format!("{name}\n")).expect("a file");
        let creating = directory.path().join("creating");
        fs::create_dir(&creating).expect("a directory");
        // What redb leaves when its first write is cut short: a file that it refuses to open.
        fs::write(creating.join("store.redb"), [0; 4096]).expect("a file");
        drop(Store::open(directory.path(), &SCHEMA, &options(engine)).expect("a store"));
        assert!(!creating.exists());
        drop(Store::open(directory.path(), &SCHEMA, &options(engine)).expect("the same store"));
    }
}

#[test]
fn another_applications_store_is_refused_by_name() {
    for engine in ENGINES {
        let subject = Subject::directory(engine);
        drop(subject.open());
        let other = Schema { name: "another", version: 1, migrations: &[] };
        let error = subject.open_as(&other).expect_err("another schema");
        assert!(
            matches!(&error, StoreError::SchemaName { expected, actual }
                if expected == "another" && actual == "suite"),
            "{error}"
        );
    }
}

#[test]
fn engine_names_parse_and_an_unknown_one_is_named() {
    for engine in ENGINES {
        assert_eq!(engine.to_string().parse::<EngineKind>().expect("its own name"), engine);
    }
    let error = "rocksdb".parse::<EngineKind>().expect_err("not built in");
    assert_eq!(error.to_string(), "no engine is called \"rocksdb\", expected fjall or redb");
}
