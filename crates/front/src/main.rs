//! `landfall-front`: see [`front::options::USAGE`].

use front::options::{Command, USAGE, read};
use front::server::{Settings, start};
use front::{rules, table};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match read(&arguments) {
        Ok(command) => command,
        Err(why) => {
            eprintln!("landfall-front: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Rules { is_markdown: true } => print!("{}", table::markdown()),
        Command::Rules { is_markdown: false } => {
            for rule in rules::all() {
                println!("{:40} {}", rule.id, rule.summary);
            }
        }
        Command::Serve(serve) => {
            let running = match start(*serve, Settings::default()).await {
                Ok(running) => running,
                Err(why) => {
                    eprintln!("landfall-front: {why}");
                    return ExitCode::FAILURE;
                }
            };
            println!("{}", running.ready());
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    ExitCode::SUCCESS
}
