//! Why a command did not do what it was asked for: what, why, what next, and the exit code.

use rules::cost::budget::Refusal;
use rules::doctor::Trouble;
use rules::event::Event;
use rules::exit::Exit;
use rules::manifest::Problems;

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) why: Vec<String>,
    pub(crate) next: Vec<String>,
    /// The process's exit code, where it is not that of `exit`.
    pub(crate) code: Option<u8>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure {
            exit,
            what: what.into(),
            why: Vec::new(),
            next: Vec::new(),
            code: None,
        }
    }

    pub(crate) fn why(mut self, line: impl Into<String>) -> Failure {
        self.why.push(line.into());
        self
    }

    pub(crate) fn next(mut self, line: impl Into<String>) -> Failure {
        self.next.push(line.into());
        self
    }

    pub(crate) fn event(&self) -> Event {
        Event::Failed {
            what: self.what.clone(),
            why: self.why.clone(),
            next: self.next.clone(),
        }
    }

    /// A file or a process of this machine did not do what it should.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
        let what = what.into();
        move |error| Failure::new(Exit::MissingTool, what).why(error.to_string())
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble {
            exit: failure.exit,
            what: failure.what,
            why: failure.why,
            next: failure.next,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        Failure {
            exit: trouble.exit,
            what: trouble.what,
            why: trouble.why,
            next: trouble.next,
            code: None,
        }
    }
}

impl From<aws::Error> for Failure {
    fn from(error: aws::Error) -> Failure {
        let call = error.operation;
        let (exit, what, next) = match error.kind {
            aws::ErrorKind::Credentials => (
                Exit::Access,
                "no usable AWS credentials or region".to_owned(),
                Some(
                    "sign in with `aws login` (or set AWS_PROFILE), and name a region with --region",
                ),
            ),
            aws::ErrorKind::Denied => (
                Exit::Access,
                format!("AWS does not allow {call}"),
                Some("let the deploying identity do this, or use another with --profile"),
            ),
            aws::ErrorKind::Unreachable => (
                Exit::Infrastructure,
                format!("AWS did not answer {call}"),
                Some(
                    "check the network, then run the same command again: it goes on from what is there",
                ),
            ),
            _ => (Exit::Infrastructure, format!("{call} failed"), None),
        };
        let failure = Failure::new(exit, what).why(error.message);
        match next {
            Some(next) => failure.next(next),
            None => failure.next("run the same command again: it goes on from what is there"),
        }
    }
}

impl From<infra::Failure> for Failure {
    fn from(error: infra::Failure) -> Failure {
        let exit = if error.interrupted {
            Exit::Interrupted
        } else {
            Exit::Infrastructure
        };
        Failure {
            exit,
            what: error.what,
            why: error.why,
            next: vec![
                "what was made stands in the state: `landfall up` goes on, `landfall down` removes it"
                    .to_owned(),
            ],
            code: None,
        }
    }
}

impl From<infra::BinaryError> for Failure {
    fn from(error: infra::BinaryError) -> Failure {
        Failure::new(Exit::MissingTool, "no usable OpenTofu or Terraform")
            .why(error.to_string())
            .next(error.next())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure {
            exit: Exit::Refused,
            what: refusal.what,
            why: refusal.why,
            next: refusal.next,
            code: None,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        let text = problems.to_string();
        let mut lines = text.lines();
        let what = lines
            .next()
            .unwrap_or_default()
            .trim_end_matches(':')
            .to_owned();
        Failure {
            exit: Exit::BadInput,
            what,
            why: lines.map(str::to_owned).collect(),
            next: vec!["nothing was created; mend this and run the same command again".to_owned()],
            code: None,
        }
    }
}
