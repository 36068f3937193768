//! Everything that can go wrong, as words; [`super::inject`] makes them happen.

/// Makes [`Trouble`] of a line a kind: what it is, its name, and its word.
macro_rules! troubles {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// One kind of trouble.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trouble {
            $($(#[$doc])* $name,)*
        }

        impl Trouble {
            /// All of them.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// The word for it in timelines and counts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

troubles! {
    /// No byte of a call leaves the host: DNS, connect, TLS.
    Unreachable = "unreachable",
    /// Calls are written, and nothing comes back; whether Zoho counted them nobody knows.
    Silent = "silent",
    /// A gateway, or Zoho itself, answers without sense, at times after it has minted.
    Noise = "noise",
    /// Zoho says that it throttles, for no reason that we gave.
    Throttling = "throttling",
    /// Zoho says that a grant or a client is no good, and takes it back later.
    WrongVerdict = "wrong-verdict",
    /// Answers take seconds.
    SlowZoho = "slow-zoho",
    /// Zoho grants shorter lives.
    ShortLives = "short-lives",
    /// Zoho names the API host of another environment, or too narrow a scope.
    WrongPlace = "wrong-place",
    /// An old script mints with the same refresh token.
    Stranger = "stranger",
    /// The user takes the connection away.
    Revoked = "revoked",
    /// Zoho kills an access token without a reason.
    Killed = "killed",
    /// The same answer comes again.
    DuplicateAnswer = "duplicate-answer",
    /// A call's answer comes after its deadline, when it has been given up.
    LateAnswer = "late-answer",
    /// An answer comes again, for a call that was over long ago.
    StrayAnswer = "stray-answer",
    /// The caller's task is gone: no end is told.
    DeadCaller = "dead-caller",
    /// The machine sleeps.
    Suspend = "suspend",
    /// The machine starts again, with a right clock.
    Reboot = "reboot",
    /// The machine starts again with a clock that is wrong.
    RebootWrongClock = "reboot-wrong-clock",
    /// The daemon is stopped and started.
    Restart = "restart",
    /// The process dies between any two steps.
    Crash = "crash",
    /// Somebody sets the wall clock.
    ClockStep = "clock-step",
    /// The boot clock runs slow or fast.
    ClockRate = "clock-rate",
    /// The disk is full.
    DiskFull = "disk-full",
    /// Some writes fail, as fsync does.
    DiskFails = "disk-fails",
    /// Writes take longer than anybody waits.
    DiskHangs = "disk-hangs",
    /// Another config: orgs go, come back, and are changed.
    Reload = "reload",
    /// A person wants a new token now.
    Refresh = "refresh",
    /// A person wants new tokens again and again.
    RefreshStorm = "refresh-storm",
    /// A job reports a token that is good.
    FalseReport = "false-report",
    /// A job reports what no new token cures.
    VainReport = "vain-report",
    /// Two hundred jobs report the same token.
    ReportStorm = "report-storm",
    /// A person enrols an org again, with a good code.
    Enroll = "enroll",
    /// A person enrols with what is no good: a code of another environment, a spent one, nonsense.
    EnrollWrong = "enroll-wrong",
    /// A person has an org's grant, or those before it, revoked or forgotten, and enrols it again later.
    Revoke = "revoke",
}

impl Trouble {
    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}
