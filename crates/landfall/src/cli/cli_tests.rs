use super::*;
use rules::app::manifest::AppName;

fn read(arguments: &[&str]) -> Result<Command, clap::Error> {
    let arguments = ["landfall"].iter().chain(arguments);
    Cli::try_read(arguments).map(|cli| cli.command)
}

/// Every command with its subcommands, by its full name.
fn all(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
    let subcommands = command.get_subcommands().flat_map(|sub| {
        let name = format!("{name} {}", sub.get_name());
        all(sub, name.trim_start())
    });
    let mut all = vec![(name.to_owned(), command.clone())];
    all.extend(subcommands);
    all
}

#[test]
fn the_definition_is_sound() {
    Cli::definition().debug_assert();
}

#[test]
fn the_name_of_a_secret_is_not_that_of_the_app() {
    let typed = ["landfall", "secrets", "set", "KEY", "--name", "shop"];
    let cli = Cli::try_read(typed).expect("a command");
    assert_eq!(cli.global.name.as_ref().map(AppName::as_str), Some("shop"));
}

fn secret(arguments: &[&str]) -> Option<(String, String)> {
    let Command::Secrets {
        action: secrets::Secrets::Set(set),
    } = read(&[&["secrets", "set"], arguments].concat()).ok()?
    else {
        return None;
    };
    let (directory, name) = set.secret.read().ok()?;
    Some((directory.display().to_string(), name.to_string()))
}

#[test]
fn a_secret_has_a_directory_and_a_name_and_its_value_is_no_argument() {
    let of = |directory: &str, name: &str| Some((directory.to_owned(), name.to_owned()));
    assert_eq!(secret(&["KEY"]), of(".", "KEY"));
    assert_eq!(secret(&["./app", "KEY"]), of("./app", "KEY"));
    assert_eq!(secret(&["app", "KEY"]), of("app", "KEY"));
    // The order of earlier versions.
    assert_eq!(secret(&["KEY", "./app"]), of("./app", "KEY"));
    assert_eq!(secret(&["A-B"]), None);
    assert_eq!(secret(&["KEY", ".", "value"]), None);
}

fn history(arguments: &[&str]) -> Option<(String, Option<u64>)> {
    let Command::History(history) = read(&[&["history"], arguments].concat()).ok()? else {
        return None;
    };
    let (directory, release) = history.read().ok()?;
    Some((directory.display().to_string(), release))
}

#[test]
fn the_history_of_a_directory() {
    let of = |directory: &str, release| Some((directory.to_owned(), release));
    assert_eq!(history(&[]), of(".", None));
    assert_eq!(history(&["7"]), of(".", Some(7)));
    assert_eq!(history(&["app"]), of("app", None));
    assert_eq!(history(&["app", "7"]), of("app", Some(7)));
    assert_eq!(history(&["app", "seven"]), None);
    assert_eq!(history(&["7", "--evidence"]), of(".", Some(7)));
    assert_eq!(history(&["app", "--evidence"]), None);
    // The form of earlier versions.
    assert_eq!(history(&["7", "--directory", "app"]), of("app", Some(7)));
}

fn rollback(arguments: &[&str]) -> Option<(String, Option<String>)> {
    let Command::Rollback(rollback) = read(&[&["rollback"], arguments].concat()).ok()? else {
        return None;
    };
    let (directory, revision) = rollback.read().ok()?;
    Some((directory.display().to_string(), revision))
}

#[test]
fn a_rollback_of_a_directory() {
    let of = |directory: &str, revision: Option<&str>| {
        Some((directory.to_owned(), revision.map(str::to_owned)))
    };
    assert_eq!(rollback(&[]), of(".", None));
    assert_eq!(rollback(&["3f19"]), of(".", Some("3f19")));
    assert_eq!(rollback(&["app", "--dry-run"]), of("app", None));
    assert_eq!(rollback(&["./cafe"]), of("./cafe", None));
    assert_eq!(rollback(&["app", "3f19"]), of("app", Some("3f19")));
    assert_eq!(rollback(&["app", "newest"]), None);
    assert_eq!(
        rollback(&["3f19", "--directory", "app"]),
        of("app", Some("3f19"))
    );
}

#[test]
fn eject_writes_to_its_last_argument() {
    let Ok(Command::Eject(eject)) = read(&["eject", "app", "plain"]) else {
        panic!("a command");
    };
    assert_eq!(eject.read(), ("app".into(), "plain".into()));
    let Ok(Command::Eject(eject)) = read(&["eject", "plain"]) else {
        panic!("a command");
    };
    assert_eq!(eject.read(), (".".into(), "plain".into()));
    assert!(read(&["eject"]).is_err());
}

#[test]
fn the_directory_comes_first() {
    // These have no app directory, or one that a person does not name.
    let without = [
        "",
        "judge",
        "reap",
        "version",
        "completion",
        "man",
        "schema",
        "ci",
        "policy",
        "secrets",
        "rehearsal",
        "rehearsal start",
        "rehearsal stop",
    ];
    for (name, command) in all(&Cli::definition(), "") {
        let first = command.get_positionals().next();
        let first = first.and_then(|first| first.get_value_names()?.first());
        match without.contains(&name.as_str()) {
            true => assert!(
                first.is_none_or(|first| first != "DIRECTORY") || name == "man",
                "{name}"
            ),
            false => assert!(
                first.is_some_and(|first| first.starts_with("DIRECTORY")),
                "{name}: {first:?}"
            ),
        }
    }
}

#[test]
fn only_up_and_move_are_confirmed_by_a_variable() {
    for (name, command) in all(&Cli::definition(), "") {
        let yes = command.get_arguments().find(|one| one.get_id() == "yes");
        let Some(yes) = yes else { continue };
        let variable = yes.get_env().map(std::ffi::OsStr::to_string_lossy);
        let expected = ["up", "move"]
            .contains(&name.as_str())
            .then_some("LANDFALL_YES");
        assert_eq!(variable.as_deref(), expected, "{name}");
    }
}

#[test]
fn every_option_has_its_variable() {
    for (command, definition) in all(&Cli::definition(), "") {
        for argument in definition.get_arguments() {
            let Some(long) = argument.get_long() else {
                continue;
            };
            let expected = match (long, command.as_str()) {
                ("help" | "version", _) => continue,
                ("yes", command) if !["up", "move"].contains(&command) => continue,
                // LANDFALL_EDGE is the path of the edge's program.
                ("edge", "logs") => "LANDFALL_LOGS_EDGE".to_owned(),
                (long, _) => format!("LANDFALL_{}", long.replace('-', "_").to_uppercase()),
            };
            let variable = argument.get_env().map(std::ffi::OsStr::to_string_lossy);
            assert_eq!(
                variable.as_deref(),
                Some(expected.as_str()),
                "{command} --{long}"
            );
        }
    }
}

#[test]
fn quiet_and_verbose_contradict_each_other() {
    let error = read(&["status", "-q", "-v"]).expect_err("both");
    assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
}

/// The top level in full; of the others what is their own.
#[test]
fn help_reads_well() {
    let mut text = String::new();
    for (name, command) in all(&Cli::definition(), "") {
        let help = command.term_width(100).render_help().to_string();
        if name.is_empty() {
            text = help;
            continue;
        }
        text.push_str(&format!("\n── {name}\n"));
        let is_own = |line: &&str| {
            let is_common = line.contains("-h, --help") || line.starts_with("Global options:");
            !line.is_empty() && !line.starts_with("Usage: ") && !is_common
        };
        let own: Vec<&str> = help.lines().filter(is_own).collect();
        text.push_str(&own.join("\n"));
    }
    insta::assert_snapshot!("help", text);
}
