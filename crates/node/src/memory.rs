//! What a process holds of memory beyond what it uses.
//!
//! An allocator keeps what was freed for the next request. glibc keeps it in an arena for each thread, and returns by itself no more
//! than the end of one: a thread that once needed much, to build a proof or to number blocks anew, holds all of it for ever behind one
//! small value at the end. Whoever has finished such work says so here.

use std::num::NonZeroU8;

/// Has all threads share at most so many heaps. To be called before there are others: a heap that exists stays. Returns whether it was
/// done.
///
/// glibc makes a heap for nearly every thread, up to eight for each core, and what one thread frees does not serve another: a process with
/// many threads that each do little holds a quarter more than it uses. Threads that allocate much at once wait for one another where
/// heaps are few, so that is not for a process that works as fast as it can.
///
/// Does nothing where the allocator is not glibc's.
pub fn share_heaps(most: NonZeroU8) -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        set(libc::M_ARENA_MAX, most.get().into())
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = most;
        false
    }
}

/// Has every piece of memory of at least so many bytes mapped by itself, and given back when it is freed. Returns whether it was done.
///
/// glibc raises that size to the largest piece that was ever freed, up to 32 MiB. What grows by doubling, and is built anew from time to
/// time, then leaves holes of all those sizes in the heaps, which small things take a part of. A mapping costs a call of the system and the
/// faults of its pages, so that is not for a process that works as fast as it can.
///
/// Does nothing where the allocator is not glibc's.
pub fn keep_large_apart(bytes: i32) -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        set(libc::M_MMAP_THRESHOLD, bytes)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = bytes;
        false
    }
}

/// Sets a parameter of glibc's allocator. Returns whether it took the value.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc's allocator has no safe form of it")]
fn set(parameter: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: the function takes any two numbers, and its own lock.
    unsafe { libc::mallopt(parameter, value) == 1 }
}

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
