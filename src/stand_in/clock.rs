//! The stand-in's clocks: the one place that reads them.

use rustix::time::{ClockId, clock_gettime};

use crate::base::{Boottime, UnixTime};

/// For every age; suspend counts, as it does at Zoho.
pub(super) fn boottime() -> Boottime {
    Boottime(millis(ClockId::Boottime))
}

/// For the `Date` header.
pub(super) fn wall_time() -> UnixTime {
    UnixTime(millis(ClockId::Realtime))
}

fn millis(clock: ClockId) -> i64 {
    let at = clock_gettime(clock);
    at.tv_sec * 1000 + at.tv_nsec / 1_000_000
}

/// As RFC 9110, section 5.6.7, wants it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(at: UnixTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]; // 1970 began on a Thursday.
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_rfc3339(); // 1994-11-06T08:49:37Z
    let day = usize::try_from(at.seconds() / 86_400 % 7).unwrap_or(0);
    let month = text[5..7].parse::<usize>().unwrap_or(1) - 1;
    format!(
        "{}, {} {} {} {} GMT",
        DAYS[day],
        &text[8..10],
        MONTHS[month],
        &text[..4],
        &text[11..19]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_as_in_rfc_9110() {
        let at = UnixTime(784_111_777_000);
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
