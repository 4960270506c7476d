//go:build !linux

package candor

import "os"

// fillHoles: a new file was written whole.
func fillHoles(*os.File, int64) error { return nil }
