//! redb's storage on a [`CrashDisk`].

use std::io;

use super::CrashDisk;

impl redb::StorageBackend for CrashDisk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.length()?)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        Self::read(self, offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        Ok(self.set_length(length)?)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(self.sync()?)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        Ok(Self::write(self, offset, data)?)
    }
}
