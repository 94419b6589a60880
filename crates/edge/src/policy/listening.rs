//! On which ports a process listens, from `/proc/net/tcp`.

/// The state LISTEN in the kernel's format.
const LISTEN: &str = "0A";

/// The listening ports in the text of `/proc/net/tcp` or `/proc/net/tcp6`, sorted.
pub fn ports(text: &str) -> Vec<u16> {
    let mut ports: Vec<u16> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (local, state) = (fields.next()?, fields.nth(1)?);
            let (_, port) = local.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            (state == LISTEN).then_some(port)
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connections_are_not_listeners() {
        let text = "  sl  local_address rem_address   st tx_queue\n   \
                    0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000\n   \
                    1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000\n";
        assert_eq!(ports(text), [3_000]);
    }

    proptest! {
        #[test]
        fn any_text_is_accepted(text in "[ 0-9A-F:\n]{0,200}") {
            let _ = ports(&text);
        }
    }
}
