package candor

import "golang.org/x/sys/unix"

// createdAt is when a folder was made, if the file system knows.
func createdAt(path string) [2]int64 {
	var stat unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &stat) != nil || stat.Mask&unix.STATX_BTIME == 0 {
		return [2]int64{}
	}
	return [2]int64{stat.Btime.Sec, int64(stat.Btime.Nsec)}
}
