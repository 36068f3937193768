//! Everything that can go wrong, as words; [`super::inject`] makes them happen.

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// No byte of a call leaves the host: DNS, connect, TLS.
    Unreachable,
    /// Calls are written, and nothing comes back; whether Zoho counted them nobody knows.
    Silent,
    /// A gateway, or Zoho itself, answers without sense, at times after it has minted.
    Noise,
    /// Zoho says that it throttles, for no reason that we gave.
    Throttling,
    /// Zoho says that a grant or a client is no good, and takes it back later.
    WrongVerdict,
    /// Answers take seconds.
    SlowZoho,
    /// Zoho grants shorter lives.
    ShortLives,
    /// Zoho names the API host of another environment, or too narrow a scope.
    WrongPlace,
    /// An old script mints with the same refresh token.
    Stranger,
    /// The user takes the connection away.
    Revoked,
    /// Zoho kills an access token without a reason.
    Killed,
    /// The same answer comes again.
    DuplicateAnswer,
    /// A call's answer comes after its deadline, when it has been given up.
    LateAnswer,
    /// An answer comes for a call of another org, or one that was over long ago.
    StrayAnswer,
    /// The caller's task is gone: no end is told.
    DeadCaller,
    /// The machine sleeps.
    Suspend,
    /// The machine starts again, with a right clock.
    Reboot,
    /// The machine starts again with a clock that is wrong.
    RebootWrongClock,
    /// The daemon is stopped and started.
    Restart,
    /// The process dies between any two steps.
    Crash,
    /// Somebody sets the wall clock.
    ClockStep,
    /// The boot clock runs slow or fast.
    ClockRate,
    /// The disk is full.
    DiskFull,
    /// Some writes fail, as fsync does.
    DiskFails,
    /// Writes take longer than anybody waits.
    DiskHangs,
    /// Another config: orgs go, come back, and are changed.
    Reload,
    /// A person wants a new token now.
    Refresh,
    /// A person wants new tokens again and again.
    RefreshStorm,
    /// A job reports a token that is good.
    FalseReport,
    /// A job reports what no new token cures.
    VainReport,
    /// Two hundred jobs report the same token.
    ReportStorm,
    /// A person enrols an org again, with a good code.
    Enroll,
    /// A person enrols with what is no good: a code of another environment, a spent one, nonsense.
    EnrollWrong,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::Unreachable,
        Self::Silent,
        Self::Noise,
        Self::Throttling,
        Self::WrongVerdict,
        Self::SlowZoho,
        Self::ShortLives,
        Self::WrongPlace,
        Self::Stranger,
        Self::Revoked,
        Self::Killed,
        Self::DuplicateAnswer,
        Self::LateAnswer,
        Self::StrayAnswer,
        Self::DeadCaller,
        Self::Suspend,
        Self::Reboot,
        Self::RebootWrongClock,
        Self::Restart,
        Self::Crash,
        Self::ClockStep,
        Self::ClockRate,
        Self::DiskFull,
        Self::DiskFails,
        Self::DiskHangs,
        Self::Reload,
        Self::Refresh,
        Self::RefreshStorm,
        Self::FalseReport,
        Self::VainReport,
        Self::ReportStorm,
        Self::Enroll,
        Self::EnrollWrong,
    ];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The word for it in timelines and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Noise => "noise",
            Self::Throttling => "throttling",
            Self::WrongVerdict => "wrong-verdict",
            Self::SlowZoho => "slow-zoho",
            Self::ShortLives => "short-lives",
            Self::WrongPlace => "wrong-place",
            Self::Stranger => "stranger",
            Self::Revoked => "revoked",
            Self::Killed => "killed",
            Self::DuplicateAnswer => "duplicate-answer",
            Self::LateAnswer => "late-answer",
            Self::StrayAnswer => "stray-answer",
            Self::DeadCaller => "dead-caller",
            Self::Suspend => "suspend",
            Self::Reboot => "reboot",
            Self::RebootWrongClock => "reboot-wrong-clock",
            Self::Restart => "restart",
            Self::Crash => "crash",
            Self::ClockStep => "clock-step",
            Self::ClockRate => "clock-rate",
            Self::DiskFull => "disk-full",
            Self::DiskFails => "disk-fails",
            Self::DiskHangs => "disk-hangs",
            Self::Reload => "reload",
            Self::Refresh => "refresh",
            Self::RefreshStorm => "refresh-storm",
            Self::FalseReport => "false-report",
            Self::VainReport => "vain-report",
            Self::ReportStorm => "report-storm",
            Self::Enroll => "enroll",
            Self::EnrollWrong => "enroll-wrong",
        }
    }
}
