//go:build unix && !linux

package candor

func createdAt(string) [2]int64 { return [2]int64{} }
