//! The edge as it runs in the cloud: PID 1 of a container with nothing else in it.

mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EDGE: &str = env!("CARGO_BIN_EXE_landfall-edge");
const TESTAPP: &str = env!("CARGO_BIN_EXE_landfall-edge-testapp");

/// A container that is removed with its image at the end of the test.
struct Container {
    id: String,
    image: String,
    address: std::net::SocketAddr,
    private: std::net::SocketAddr,
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker")
        .args(arguments)
        .output()
        .expect("docker: this test needs Docker Engine")
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "docker: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The libraries of a program, so that a dynamic one runs `FROM scratch` as well.
fn libraries(program: &str) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

fn copy(root: &Path, from: &Path, to: &str) {
    let to = root.join(to.trim_start_matches('/'));
    std::fs::create_dir_all(to.parent().expect("directory")).expect("directory");
    std::fs::copy(from, to).expect("copy");
}

/// An image of these files alone. Imported, not built: the classic builder fails at times while another
/// process deletes an image, and gives two equal images one ID.
fn import(root: &Path, entrypoint: &str) -> String {
    let archive = root.with_extension("tar");
    let path = |path: &Path| path.to_str().expect("path").to_owned();
    let packed = Command::new("tar")
        .args(["-C", &path(root), "-cf", &path(&archive), "."])
        .status();
    assert!(packed.is_ok_and(|status| status.success()), "tar");
    let changes = ["--change", "USER 12345:12345", "--change", entrypoint];
    stdout(&docker(
        &[&["import"], &changes[..], &[&path(&archive)]].concat(),
    ))
}

impl Container {
    /// An image with the edge in front of the app's command, run as an unknown user with a
    /// read-only root.
    fn run(app: &[&str], settings: &[(&str, &str)]) -> Container {
        let directory = tempfile::tempdir().expect("directory");
        let root = directory.path().join("root");
        for program in [EDGE, TESTAPP] {
            for library in libraries(program) {
                copy(&root, &library, library.to_str().expect("path"));
            }
        }
        copy(&root, Path::new(EDGE), "/.landfall/edge");
        copy(&root, Path::new(TESTAPP), "/bin/app");
        let mut command = vec!["/.landfall/edge", "--", "/bin/app", "--port", "3000"];
        command.extend(app);
        let image = import(&root, &format!("ENTRYPOINT {command:?}"));
        let mut run: Vec<String> = ["run", "--detach", "--read-only", "--cap-drop", "ALL"]
            .map(str::to_owned)
            .into();
        run.extend(
            [
                "--publish",
                "127.0.0.1::8080",
                "--publish",
                "127.0.0.1::9901",
            ]
            .map(str::to_owned),
        );
        let usual = [
            ("APP", "3000"),
            ("LISTEN", "8080"),
            ("PRIVATE_LISTEN", "9901"),
            ("LEAD_MS", "0"),
            ("SUMMARY_MS", "0"),
        ];
        for (name, value) in usual.iter().chain(settings) {
            run.extend(["--env".to_owned(), format!("LANDFALL_EDGE_{name}={value}")]);
        }
        run.push(image.clone());
        let run: Vec<&str> = run.iter().map(String::as_str).collect();
        let id = stdout(&docker(&run));
        let port = |inside: &str| {
            let output = docker(&["port", &id, inside]);
            let text = String::from_utf8_lossy(&output.stdout);
            // A container that has ended publishes no port; no test connects to this one.
            let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
            text.lines()
                .next()
                .and_then(|line| line.parse().ok())
                .unwrap_or(nowhere)
        };
        let (address, private) = (port("8080"), port("9901"));
        Container {
            id,
            image,
            address,
            private,
        }
    }

    fn health(&self) -> Option<u16> {
        let mut client = stage::Client::try_connect(self.private)?;
        client.write("GET /.landfall/health HTTP/1.1\r\nhost: x\r\n\r\n");
        client.answer().map(|answer| answer.status)
    }

    fn until_ready(&self) {
        stage::until(
            "the app is ready",
            || (self.health() == Some(200)).then_some(()),
            || self.logs(),
        );
    }

    fn get(&self, path: &str) -> stage::Answer {
        stage::Client::connect(self.address).get(path)
    }

    fn logs(&self) -> String {
        let output = docker(&["logs", &self.id]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    }

    fn wait(&self) -> String {
        stdout(&docker(&["wait", &self.id]))
    }

    fn processes(&self) -> Vec<String> {
        let text = stdout(&docker(&["top", &self.id, "-eo", "pid,ppid,stat,comm"]));
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", &self.id]);
        let _ = docker(&["rmi", "--force", &self.image]);
    }
}

#[test]
fn as_pid_1_it_serves_reaps_restarts_and_drains() {
    let container = Container::run(&[], &[]);
    container.until_ready();
    assert_eq!(container.get("/").body, "hello");
    assert_ne!(container.get("/pid").body, "1");
    // Orphans become children of PID 1, which reaps them.
    assert_eq!(container.get("/orphan").body, "left behind");
    let only_two = || (container.processes().len() == 2).then_some(());
    stage::until("edge and app are alone", only_two, || {
        container.processes().join("\n")
    });
    let before = container.get("/pid").body;
    container.get("/crash/5");
    stage::until(
        "another app answers",
        || {
            let answer = container.get("/pid");
            (answer.status == 200 && answer.body != before).then_some(())
        },
        || container.logs(),
    );
    let reported = "with exit code 5; starting it again";
    stage::until(
        "the restart is logged",
        || container.logs().contains(reported).then_some(()),
        || container.logs(),
    );
    stdout(&docker(&["kill", "--signal", "TERM", &container.id]));
    assert_eq!(container.wait(), "0");
}

#[test]
fn as_pid_1_it_kills_an_app_that_ignores_sigterm() {
    let container = Container::run(&["--ignore-term"], &[("STOP_MS", "100")]);
    container.until_ready();
    stdout(&docker(&["kill", "--signal", "TERM", &container.id]));
    assert_eq!(container.wait(), "137");
}

#[test]
fn as_pid_1_it_exits_with_the_code_of_an_app_that_cannot_start() {
    let container = Container::run(&["--print", "no database\n", "--exit", "3"], &[]);
    assert_eq!(container.wait(), "3");
    let logs = container.logs();
    let (_, last) = logs
        .split_once("the last lines of the app:\n")
        .expect("last lines");
    assert!(last.contains("  no database\n"), "{logs}");
}
