package report

// CycloneDX 1.6 JSON: a bill of materials with its vulnerabilities.
// https://cyclonedx.org/docs/1.6/json/
type (
	cdxBOM struct {
		Schema          string             `json:"$schema"`
		Format          string             `json:"bomFormat"`
		SpecVersion     string             `json:"specVersion"`
		SerialNumber    string             `json:"serialNumber"`
		Version         int                `json:"version"`
		Metadata        cdxMetadata        `json:"metadata"`
		Components      []cdxComponent     `json:"components"`
		Compositions    []cdxComposition   `json:"compositions,omitempty"`
		Vulnerabilities []cdxVulnerability `json:"vulnerabilities"`
	}
	cdxMetadata struct {
		Timestamp  string        `json:"timestamp"`
		Tools      cdxTools      `json:"tools"`
		Component  cdxComponent  `json:"component"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref,omitempty"`
		Name       string        `json:"name"`
		Version    string        `json:"version,omitempty"`
		PURL       string        `json:"purl,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxComposition struct {
		Aggregate  string   `json:"aggregate"`
		Assemblies []string `json:"assemblies"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxVulnerability struct {
		Ref            string        `json:"bom-ref"`
		ID             string        `json:"id"`
		Source         *cdxSource    `json:"source,omitempty"`
		Ratings        []cdxRating   `json:"ratings,omitempty"`
		Description    string        `json:"description,omitempty"`
		Recommendation string        `json:"recommendation,omitempty"`
		Analysis       *cdxAnalysis  `json:"analysis,omitempty"`
		Affects        []cdxAffects  `json:"affects"`
		Properties     []cdxProperty `json:"properties,omitempty"`
	}
	cdxSource struct {
		Name string `json:"name"`
		URL  string `json:"url,omitempty"`
	}
	cdxRating struct {
		Score    *float64 `json:"score,omitempty"`
		Severity string   `json:"severity"`
		Method   string   `json:"method,omitempty"`
		Vector   string   `json:"vector,omitempty"`
	}
	cdxAnalysis struct {
		State         string   `json:"state"`
		Justification string   `json:"justification,omitempty"`
		Response      []string `json:"response,omitempty"`
		Detail        string   `json:"detail,omitempty"`
	}
	cdxAffects struct {
		Ref      string       `json:"ref"`
		Versions []cdxVersion `json:"versions"`
	}
	cdxVersion struct {
		Version string `json:"version"`
		Status  string `json:"status"`
	}
)
