//! Spans of time, as typed (`300`, `5m`) and as shown in a table (`45m`).

use std::time::Duration;

/// Longest wait that the daemon allows a reader.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// How long `get` waits unless told.
pub const WAIT_DEFAULT: &str = "10s";

/// Whole seconds (`300`) or with units (`5m`, `1h 30m`).
pub fn parse(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a time like 300, 90s or 5m"))
}

/// As [`parse`], for `--wait`.
pub fn parse_wait(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        wait if wait <= WAIT_MAX => Ok(wait),
        _ => Err("the daemon lets nobody wait for over 60s".to_owned()),
    }
}

/// Two units at most, rounded down: `59s`, `1m30s`, `45m`, `1h05m`, `3d02h`.
pub fn short(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..600 => format!("{minutes}m{:02}s", seconds % 60),
        600..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_need_no_unit() {
        assert_eq!(parse("300"), Ok(Duration::from_mins(5)));
        assert_eq!(parse("5m"), Ok(Duration::from_mins(5)));
        for bad in ["", "-1", "5", "5 parsecs", "1e3", "99999999999999999999"] {
            assert_eq!(parse(bad).is_ok(), bad == "5", "{bad:?}");
        }
    }

    #[test]
    fn nobody_waits_for_over_a_minute() {
        assert!(parse_wait("60s").is_ok());
        assert!(parse_wait("61s").is_err());
    }

    #[test]
    fn a_table_shows_no_more_time_than_there_is() {
        let shown = [0, 59, 90, 599, 2_711, 3_599, 3_900, 86_399, 266_400].map(short);
        let wanted = [
            "0s", "59s", "1m30s", "9m59s", "45m", "59m", "1h05m", "23h59m", "3d02h",
        ];
        assert_eq!(shown, wanted);
    }
}
