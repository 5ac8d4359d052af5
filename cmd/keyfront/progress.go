package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// newCounter counts without knowing the end; it draws on terminals only.
func newCounter(w io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(-1, append(drawing(w), progressbar.OptionShowCount())...)
}

// newBar counts bytes to a known end, or to none if total is -1; it draws on
// terminals only.
func newBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append(
		drawing(w), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(barWidth(w, len(what))),
	)...)
}

// barWidth is how wide a bar can be with what stands around it: one that does not
// fit would leave a line behind each time that it is drawn.
func barWidth(w io.Writer, words int) int {
	const most, around = 30, 40
	f, ok := w.(*os.File)
	if !ok {
		return most
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return most
	}
	return max(1, min(most, columns-words-around))
}

// drawing is what all bars have in common.
func drawing(w io.Writer) []progressbar.Option {
	f, ok := w.(*os.File)
	return []progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(),
		// The library's ticker for bars without an end reads them without their lock.
		progressbar.OptionSetSpinnerChangeInterval(0),
	}
}
