// Package content carries the data that the program is built with: when
// releases end, which packages are not safe to take back. Files here are data with a source and a date, edited without
// knowing Go; internal packages parse them.
package content

import _ "embed" // the data files

// Lifecycles is lifecycles/releases.json.
//
//go:embed lifecycles/releases.json
var Lifecycles []byte

// Downgrades is downgrades.yaml.
//
//go:embed downgrades.yaml
var Downgrades []byte
