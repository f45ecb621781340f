//! The library as C sees it: a C program, compiled against the header, linked and run.

#![cfg(unix)] // Where a C compiler is called `cc`.
#![allow(clippy::unwrap_used)] // A test that panics has failed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Linked statically, as a program is that wants no library file beside it.
#[test]
fn a_c_program_links_the_static_library() {
    let libraries = ["-lpthread", "-ldl", "-lm"];
    check_program(&[&artifact("libsegue_ffi.a")], &libraries);
}

/// Linked dynamically, as the JVM does.
#[test]
fn a_c_program_links_the_shared_library() {
    let library = artifact("libsegue_ffi.so");
    let search = format!("-Wl,-rpath,{}", library.parent().unwrap().display());
    check_program(&[&library], &[&search]);
}

/// Compiles `visit.c` with all warnings as errors, runs it, and compares what it prints.
#[track_caller]
fn check_program(libraries: &[&Path], flags: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("visit");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiled = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .args([here.join("include"), here.join("tests/it/visit.c")])
        .arg("-o")
        .arg(&program)
        .args(libraries)
        .args(flags)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let run = Command::new(&program).output().unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{printed}{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(printed, include_str!("visit.expected"));
}

/// The library that cargo built along with this test.
fn artifact(name: &str) -> PathBuf {
    let dir = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let path = dir.join(name);
    assert!(path.exists(), "{} was not built", path.display());
    path
}
