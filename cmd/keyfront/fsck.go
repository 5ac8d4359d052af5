package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/server"
)

type fsckCmd struct {
	DataDir            string `help:"Data folder of a server that is not running: ./keyfront-data." default:"./keyfront-data" env:"KEYFRONT_DATA_DIR" placeholder:"DIR"`
	RootPassphraseFrom string `help:"Where the root key's passphrase comes from: prompt, env or file:NAME." env:"KEYFRONT_ROOT_PASSPHRASE_FROM" placeholder:"SOURCE"`
	JSON               bool   `name:"json" help:"Print the result as JSON."`
}

// fsckDamage is one damaged version as --json prints it.
type fsckDamage struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	VersionID string `json:"versionId,omitempty"`
	Error     string `json:"error"`
}

// Run opens every object and fails if one is damaged.
func (c *fsckCmd) Run(ctx context.Context, e env) error {
	cfg := config.Default()
	cfg.DataDir = c.DataDir
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var damaged []fsckDamage
	report, err := server.CheckObjects(ctx, cfg, server.Options{Log: log, Passphrase: passphrase(e, c.RootPassphraseFrom)}, func(d bucket.Damage) {
		damaged = append(damaged, fsckDamage{d.Bucket, d.Key, d.VersionID, d.Err.Error()})
		if !c.JSON {
			fmt.Fprintln(e.stdout, visiblef("damaged: s3://%s/%s: %v", d.Bucket, d.Key, d.Err))
		}
	})
	if errors.Is(err, rootkey.ErrAbsent) {
		return hinted{err, hintDataFolder}
	}
	if err != nil {
		return explainStart(err, cfg)
	}
	if c.JSON {
		err := json.NewEncoder(e.stdout).Encode(map[string]any{
			"buckets": report.Buckets, "versions": report.Versions, "bytes": report.Bytes, "measured": report.Measured, "damaged": damaged,
		})
		if err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stdout, "%d versions in %d buckets, %d bytes read, %d only measured, %d damaged\n",
			report.Versions, report.Buckets, report.Bytes, report.Measured, report.Damaged)
	}
	if report.Damaged > 0 {
		return hinted{errors.New("objects are damaged"), "restore them from a copy; the others are intact"}
	}
	return nil
}
