// Command gce-persistent-disk reads a JSON list of StorageClass parameters, each an object of strings, and writes a list of what
// the driver's own parser makes of them.
package main

import (
	"encoding/json"
	"log"
	"os"

	"sigs.k8s.io/gcp-compute-persistent-disk-csi-driver/pkg/constants"
	"sigs.k8s.io/gcp-compute-persistent-disk-csi-driver/pkg/parameters"
)

type parsed struct {
	Type        string `json:"type"`
	Replication string `json:"replication"`
	Error       string `json:"error,omitempty"`
}

func main() {
	var classes []map[string]string
	if err := json.NewDecoder(os.Stdin).Decode(&classes); err != nil {
		log.Fatal(err)
	}
	// GKE turns high availability on; the driver by itself does not.
	processor := parameters.ParameterProcessor{DriverName: constants.DriverName, EnableHdHA: true}
	answers := make([]parsed, len(classes))
	for at, class := range classes {
		disk, _, err := processor.ExtractAndDefaultParameters(class)
		answers[at] = parsed{Type: disk.DiskType, Replication: disk.ReplicationType}
		if err != nil {
			answers[at].Error = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}
