//go:build !unix

package candor

import "errors"

func openAndRotate(folder) error { return errors.New("weeks change only on Unix") }

func monitorAndRotate(folder) error { return errors.New("weeks change only on Unix") }

func waitForCrash(*Project, folder) {}
