# Two commands set up everything there is: none is needed beyond Go, make and git.
#   make demo    the main job: publish FOLDER privately, or samples
#   make test    every test that this machine can run

GO ?= go
FOLDER ?=
export FOLDER

.PHONY: demo build test check fuzz bench
demo:
	$(GO) build -o bin/keyfront ./cmd/keyfront
	@bin/keyfront demo $${FOLDER:+"$$FOLDER"}

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/keyfront ./cmd/keyfront

test:
	./scripts/test

check:
	./scripts/check

fuzz:
	./scripts/fuzz

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
