//! The TCP ports on which a container's processes listen, as the kernel prints them.

use rules::release::evidence::Listening;

/// Parses `/proc/PID/net/tcp` and `/proc/PID/net/tcp6`, one after the other
/// (<https://docs.kernel.org/networking/proc_net_tcp.html>). Other lines are ignored.
pub(super) fn parse(proc_net_tcp: &str) -> Listening {
    const LISTEN: &str = "0A";
    let mut seen = Listening::default();
    for line in proc_net_tcp.lines() {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(local), Some(_remote), Some(LISTEN)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let Some((address, port)) = local.split_once(':') else {
            continue;
        };
        let Ok(port) = u16::from_str_radix(port, 16) else {
            continue;
        };
        // The kernel prints the address in host byte order: 127.x.y.z ends in 7F, ::1 in 01000000.
        let is_loopback = match address.len() {
            8 => address.ends_with("7F"),
            _ => address == "00000000000000000000000001000000",
        };
        let ports = if is_loopback {
            &mut seen.loopback
        } else {
            &mut seen.reachable
        };
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_read_as_the_kernel_prints_them() {
        let text = "\
sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
 1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
 2: 0100007F:0051 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1
sl  local_address                         remote_address                        st tx_queue
 0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000
 1: 00000000000000000000000001000000:2383 00000000000000000000000000000000:0000 0A 00000000";
        let expected = Listening {
            reachable: vec![80, 9090],
            loopback: vec![8080, 9091],
        };
        assert_eq!(parse(text), expected);
    }
}
