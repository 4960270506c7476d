//go:build !unix && !windows

package candor

// launch: there are no processes here. `telemetry upload` sends reports.
func launch(*task) {}

func isSetuid() bool { return false }

func closeInherited() {}
