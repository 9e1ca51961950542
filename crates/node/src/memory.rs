//! Giving memory back to the system.
//!
//! An allocator keeps what was freed for the next request. glibc keeps it in an arena for each thread, and returns by itself no more
//! than the end of one: a thread that once needed much, to build a proof or to number blocks anew, holds all of it for ever behind one
//! small value at the end. Whoever has finished such work says so here.

/// Gives the pages back that lie whole within freed memory, of all threads. Other threads that allocate
/// may wait meanwhile, so it is for the end of large work. Returns whether any were given back.
///
/// Does nothing where the allocator is not glibc's: others give memory back as time passes.
pub fn give_back() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "glibc's allocator has no safe form of it")]
    {
        // SAFETY: the function has no precondition; it takes the locks of the arenas it works on, and touches free memory alone.
        unsafe { libc::malloc_trim(0) == 1 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
