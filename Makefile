.PHONY: build test race lint fuzz e2e quality golden bench check deb

build: ; scripts/test build
test: ; scripts/test unit
race: ; scripts/test race
lint: ; scripts/lint
fuzz: ; FUZZTIME=30s scripts/test fuzz
e2e: ; scripts/setup-tests && scripts/test e2e
quality: ; go test -v -run Quality ./test/quality
golden: ; go test ./cmd/lockfast ./internal/report ./test/quality -run 'Golden|ManPages|Quality' -update
bench: ; scripts/bench
check: ; scripts/test
deb: ; scripts/deb
