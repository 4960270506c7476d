package candor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A folder is where a project's telemetry is on a machine, with the layout of golang.org/x/telemetry and
// of Candor's client for Rust:
//
//	FOLDER/mode                        what the user chose, and since when
//	FOLDER/local/*.v1.count            counter files
//	FOLDER/local/weekends              the weekday on which this machine's weeks end
//	FOLDER/local/local.DATE.json       all counts of the week that ended on DATE; once it is drawn, also X
//	                                   and the version of the config it was drawn under
//	FOLDER/local/DATE.pending          the day on which that week began: it is not decided yet what of it
//	                                   is sent
//	FOLDER/local/DATE.json             the report to be sent
//	FOLDER/local/DATE.json.refused     the report, refused by the server
//	FOLDER/upload/DATE.json            the report, after it was sent
//	FOLDER/candor/                     locks, and what is known about the config and its log
type folder string

func (f folder) mode() string               { return filepath.Join(string(f), "mode") }
func (f folder) local() string              { return filepath.Join(string(f), "local") }
func (f folder) upload() string             { return filepath.Join(string(f), "upload") }
func (f folder) own() string                { return filepath.Join(string(f), "candor") }
func (f folder) ownFile(name string) string { return filepath.Join(f.own(), name) }
func (f folder) localReport(week day) string {
	return filepath.Join(f.local(), "local."+week.String()+".json")
}
func (f folder) pending(week day) string { return filepath.Join(f.local(), week.String()+".pending") }
func (f folder) ready(week day) string   { return filepath.Join(f.local(), week.String()+".json") }
func (f folder) refused(week day) string { return f.ready(week) + ".refused" }
func (f folder) sent(week day) string    { return filepath.Join(f.upload(), week.String()+".json") }

// folderOf is the folder of a project: candor/NAME in the user's settings.
func folderOf(project string) (folder, error) {
	if project == "" {
		return "", errors.New("cannot find the telemetry folder: the project has no name")
	}
	settings, err := userSettings(runtime.GOOS, os.Getenv)
	if err != nil {
		return "", err
	}
	return folder(filepath.Join(settings, "candor", folderName(project))), nil
}

// folderName is a project's name as the name of a folder on any system: every byte but lower-case letters,
// digits, '-', '_' and inner dots becomes '%' and two hexadecimal digits.
func folderName(project string) string {
	var name strings.Builder
	for at := range len(project) {
		switch b := project[at]; {
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '_',
			b == '.' && at > 0 && at < len(project)-1:
			name.WriteByte(b)
		default:
			fmt.Fprintf(&name, "%%%02X", b)
		}
	}
	return name.String()
}

// userSettings is os.UserConfigDir for the systems that Candor's client for Rust knows, by its rules.
func userSettings(goos string, variable func(string) string) (string, error) {
	unset := func(name string) error {
		return fmt.Errorf("cannot find the telemetry folder: $%s is not set; set it, or name a folder", name)
	}
	home := variable("HOME")
	switch goos {
	case "windows":
		if settings := variable("AppData"); settings != "" {
			return settings, nil
		}
		return "", unset("AppData")
	case "darwin", "ios":
		if home == "" {
			return "", unset("HOME")
		}
		return filepath.Join(home, "Library", "Application Support"), nil
	}
	name, settings := "XDG_CONFIG_HOME", variable("XDG_CONFIG_HOME")
	if settings == "" {
		if home == "" {
			return "", unset("HOME")
		}
		name, settings = "HOME", filepath.Join(home, ".config")
	}
	if !filepath.IsAbs(settings) {
		return "", fmt.Errorf("cannot find the telemetry folder: $%s is not an absolute path", name)
	}
	return settings, nil
}
