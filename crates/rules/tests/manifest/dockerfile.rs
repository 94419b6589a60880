//! What is read from a Dockerfile without building it.

use rules::app::dockerfile::{Exposed, exposed_ports, final_user};

/// The ports, or the line on which they become unclear.
fn ports(dockerfile: &str) -> Result<Vec<u16>, usize> {
    match exposed_ports(dockerfile) {
        Exposed::Ports(ports) => Ok(ports),
        Exposed::Unclear { line, .. } => Err(line),
    }
}

#[test]
fn ports_are_found() {
    let cases: &[(&str, &[u16])] = &[
        ("", &[]),
        ("FROM a", &[]),
        ("FROM a\nEXPOSE 8080", &[8080]),
        ("\u{feff}FROM a\r\nexpose 8080\r\n", &[8080]),
        (
            "from a\n  ExPoSe 9000 8080/TCP 9000/udp 53/UDP 36412/sctp",
            &[8080, 9000],
        ),
        ("FROM a\nEXPOSE 8000-8002", &[8000, 8001, 8002]),
        ("FROM a\nEXPOSE 8000-8002/udp", &[]),
        ("FROM a\nEXPOSE \"8080\" '8081'", &[8080, 8081]),
        ("FROM a\nEXPOSE 80\nEXPOSE 80", &[80]),
        ("# EXPOSE 1\nFROM a\n  # EXPOSE 2\nEXPOSE 3", &[3]),
        // Continuation lines, with comments and blank lines between.
        ("FROM a\nEXPOSE \\\n  80 \\\n  # no\n\n  81", &[80, 81]),
        ("FROM a\nEXPOSE 80 \\", &[80]),
        ("FROM a\nRUN echo \\\nEXPOSE 1\nEXPOSE 2", &[2]),
        ("FROM a\nRUN echo \\\\\nEXPOSE 1", &[1]),
        ("# escape=`\nFROM a\nRUN dir C:\\\nEXPOSE 1 `\n 2", &[1, 2]),
        (
            "# syntax=docker/dockerfile:1\n# Escape = `\nFROM a\nRUN dir C:\\\nEXPOSE 1",
            &[1],
        ),
        ("FROM a\n# escape=`\nRUN x \\\nEXPOSE 1\nEXPOSE 2", &[2]),
        // Heredocs.
        ("FROM a\nRUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 2", &[2]),
        ("FROM a\nRUN <<-'EOF'\nEXPOSE 1\n\tEOF\nEXPOSE 2", &[2]),
        (
            "FROM a\nCOPY <<A <<\"B\" /x/\nEXPOSE 1\nA\nEXPOSE 2\nB\nEXPOSE 3",
            &[3],
        ),
        (
            "FROM a\nRUN python3 - 3<<EOF && \\\n x\nEXPOSE 1\nEOF\nEXPOSE 2",
            &[2],
        ),
        ("FROM a\nRUN echo \"a <<EOF\"\nEXPOSE 1", &[1]),
        ("FROM a\nRUN cat <<<EOF\nEXPOSE 1", &[1]),
        ("FROM a\nRUN cat <<EOF\nEXPOSE 1", &[1]),
        ("FROM a\nLABEL x=<<EOF\nEXPOSE 1", &[1]),
        // Stages.
        ("FROM a\nEXPOSE 1\nFROM b\nEXPOSE 2", &[2]),
        (
            "FROM a AS one\nEXPOSE 1\nFROM b\nEXPOSE 2\nFROM ONE\nEXPOSE 3",
            &[1, 3],
        ),
        (
            "FROM a as one\nEXPOSE 1\nFROM one AS two\nFROM --platform=$X two",
            &[1],
        ),
        ("ARG BASE=one\nFROM a AS one\nEXPOSE 1\nFROM ${BASE}", &[1]),
        ("FROM a AS one\nFROM $BASE\nEXPOSE 1", &[1]),
        (
            "FROM a AS one\nEXPOSE 1\nFROM a AS one\nEXPOSE 2\nFROM one",
            &[2],
        ),
        ("FROM a\nONBUILD EXPOSE 1\nEXPOSE 2", &[2]),
        ("EXPOSE 1\nFROM a", &[]),
        // Variables.
        ("FROM a\nARG PORT=80\nEXPOSE $PORT", &[80]),
        ("FROM a\nENV PORT=80\nEXPOSE ${PORT}/tcp", &[80]),
        ("FROM a\nENV PORT 80\nEXPOSE $PORT", &[80]),
        ("FROM a\nENV A=1 PORT=\"80\" B='$x'\nEXPOSE $PORT", &[80]),
        (
            "FROM a\nENV PORTS=\"80 81\"\nEXPOSE $PORTS 82",
            &[80, 81, 82],
        ),
        ("FROM a\nENV PORT=80\nARG PORT=81\nEXPOSE $PORT", &[80]),
        ("ARG PORT=80\nFROM a\nARG PORT\nEXPOSE $PORT", &[80]),
        ("ARG PORT=80\nFROM a\nARG PORT=81\nEXPOSE $PORT", &[81]),
        ("FROM a\nEXPOSE ${PORT:-8080}", &[8080]),
        ("FROM a\nARG PORT\nEXPOSE ${PORT:-8080}", &[8080]),
        ("FROM a\nENV PORT=\nEXPOSE ${PORT:-8080}", &[8080]),
        ("FROM a\nENV X=90\nEXPOSE ${PORT:-${X}}", &[90]),
        (
            "FROM a\nENV X=90\nEXPOSE ${X:+91} ${Y:+92} ${X-93} ${Y-94}",
            &[90, 91, 94],
        ),
        ("FROM a\nENV B=80\nENV P=${B}80\nEXPOSE ${P}", &[8080]),
        ("FROM a AS one\nENV P=80\nFROM one\nEXPOSE $P", &[80]),
    ];
    for (dockerfile, expected) in cases {
        assert_eq!(ports(dockerfile).as_deref(), Ok(*expected), "{dockerfile}");
    }
}

#[test]
fn no_answer_rather_than_a_wrong_one() {
    let cases = [
        ("FROM a\nEXPOSE $PORT", 2),
        ("FROM a\nARG PORT\nEXPOSE $PORT", 3),
        ("ARG PORT=80\nFROM a\nEXPOSE $PORT", 3),
        ("FROM a\nARG PORT=1\nFROM b\nEXPOSE $PORT", 4),
        ("FROM a\nEXPOSE 80\nEXPOSE \\\n $PORT", 3),
        ("FROM a\nENV PORT=$OTHER\nEXPOSE ${PORT:-80}", 3),
        ("FROM a\nENV A=1 PORT=$A\nEXPOSE $PORT", 3),
        ("FROM a\nENV P=80\nEXPOSE '$P'", 3),
        ("FROM a\nENV P=80\nEXPOSE \\$P", 3),
        ("FROM a\nENV P=x80\nEXPOSE ${P#x}", 3),
        ("FROM a\nEXPOSE ${P:?no}", 2),
        ("FROM a\nEXPOSE ${P", 2),
        ("FROM a\nEXPOSE $", 2),
        ("FROM a\nEXPOSE 0", 2),
        ("FROM a\nEXPOSE 65536", 2),
        ("FROM a\nEXPOSE +80", 2),
        ("FROM a\nEXPOSE 80-70", 2),
        ("FROM a\nEXPOSE 80/http", 2),
        ("FROM a\nEXPOSE 8080:80", 2),
        ("FROM a\nEXPOSE [\"80\"]", 2),
        ("FROM a\nEXPOSE 80 # web", 2),
        ("FROM a AS one\nEXPOSE $P\nFROM one\nEXPOSE 1", 2),
        ("FROM a AS one\nEXPOSE 1\nFROM $BASE\nEXPOSE 2", 3),
    ];
    for (dockerfile, line) in cases {
        assert_eq!(ports(dockerfile), Err(line), "{dockerfile}");
    }
}

#[test]
fn the_unclear_instruction_is_quoted_in_one_line() {
    let unclear = exposed_ports("FROM a\nexpose \\\n  $PORT\n");
    let instruction = "EXPOSE $PORT".to_owned();
    assert_eq!(
        unclear,
        Exposed::Unclear {
            line: 2,
            instruction
        }
    );
}

#[test]
fn doubling_variables_end_somewhere() {
    let doubling = "ENV A=$A$A\n".repeat(100);
    assert_eq!(
        ports(&format!("FROM a\nENV A=1\n{doubling}EXPOSE $A")),
        Err(103)
    );
    let nested = format!("{}1{}", "${A:-".repeat(10_000), "}".repeat(10_000));
    assert_eq!(ports(&format!("FROM a\nEXPOSE {nested}")), Err(2));
}

#[test]
fn the_last_user_counts() {
    let cases = [
        ("FROM a", None),
        ("FROM a\nUSER app", Some("app")),
        ("FROM a\nUSER root\nuser 1000:1000", Some("1000:1000")),
        ("FROM a AS b\nUSER app\nFROM b", Some("app")),
        ("FROM a\nUSER app\nFROM b", None),
        ("FROM a\nARG UID=1000\nUSER ${UID}", Some("1000")),
        ("FROM a\nUSER app\nUSER $UNKNOWN", None),
        ("FROM a\nUSER", None),
    ];
    for (dockerfile, user) in cases {
        assert_eq!(final_user(dockerfile).as_deref(), user, "{dockerfile}");
    }
}
