package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/server"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check that no record was changed, removed, added or cut off."`
}

type auditVerifyCmd struct {
	DataDir            string `help:"Data folder of the server, which may be running." default:"./keyfront-data" env:"KEYFRONT_DATA_DIR" placeholder:"DIR"`
	RootPassphraseFrom string `help:"Where the root key's passphrase comes from: prompt, env or file:NAME." env:"KEYFRONT_ROOT_PASSPHRASE_FROM" placeholder:"SOURCE"`
	JSON               bool   `name:"json" help:"Print the result as JSON."`
}

// Run reads the log without touching it.
func (c *auditVerifyCmd) Run(ctx context.Context, e env) error {
	roots, err := server.RootKeySource(c.DataDir, passphrase(e, c.RootPassphraseFrom)).Load(ctx)
	if err != nil {
		return hinted{err, "--data-dir is the folder that keyfront serve uses, with its root-key file"}
	}
	keys, err := server.AuditHeadKeys(roots)
	if err != nil {
		return err
	}
	report, err := audit.Verify(filepath.Join(c.DataDir, server.AuditFolder), keys)
	switch {
	case errors.Is(err, audit.ErrTampered):
		return hinted{err, "compare with a copy of the folder; records before the named one are intact"}
	case err != nil:
		return hinted{err, "--data-dir is the folder that keyfront serve uses"}
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(report)
	}
	fmt.Fprintf(e.stdout, "intact: %d records in %d files, last hash %s\n", report.Records, report.Files, report.Last)
	if report.TornBytes > 0 {
		fmt.Fprintf(e.stderr, "keyfront: the last %d bytes are a record that is being written, or that a crash tore\n", report.TornBytes)
	}
	if report.Unsealed > 0 {
		fmt.Fprintf(e.stderr, "keyfront: the last %d records are newer than the sealed end of the log: a server is writing, a power loss came before the seal, or somebody added them\n", report.Unsealed)
	}
	return nil
}
