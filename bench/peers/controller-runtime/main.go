// A mutating webhook as one writes it with controller-runtime: a Defaulter of typed pods.
// Usage: webhook PORT CERT KEY DEFAULTS, the last a JSON list of PlatformDefaults.
package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const workflow = "workflows.argoproj.io/workflow"

type platformDefaults struct {
	Spec struct {
		Match struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
		} `json:"match"`
		Inject struct {
			Labels       map[string]string    `json:"labels"`
			Annotations  map[string]string    `json:"annotations"`
			Volumes      []corev1.Volume      `json:"volumes"`
			VolumeMounts []corev1.VolumeMount `json:"volumeMounts"`
		} `json:"inject"`
	} `json:"spec"`
}

type defaulter []platformDefaults

func (d defaulter) Default(_ context.Context, pod *corev1.Pod) error {
	if _, isStep := pod.Labels[workflow]; !isStep {
		return nil
	}
	matching := d.matching(pod.Labels)
	for _, one := range matching {
		inject := one.Spec.Inject
		pod.Labels = fill(pod.Labels, inject.Labels)
		pod.Annotations = fill(pod.Annotations, inject.Annotations)
		for _, volume := range inject.Volumes {
			hasName := func(present corev1.Volume) bool { return present.Name == volume.Name }
			if !slices.ContainsFunc(pod.Spec.Volumes, hasName) {
				pod.Spec.Volumes = append(pod.Spec.Volumes, volume)
			}
		}
		for index := range pod.Spec.Containers {
			container := &pod.Spec.Containers[index]
			if container.Name != "main" {
				continue
			}
			for _, mount := range inject.VolumeMounts {
				hasPath := func(present corev1.VolumeMount) bool { return present.MountPath == mount.MountPath }
				if !slices.ContainsFunc(container.VolumeMounts, hasPath) {
					container.VolumeMounts = append(container.VolumeMounts, mount)
				}
			}
		}
	}
	return nil
}

// matching goes by the labels as they came: what is given must not decide what else is.
func (d defaulter) matching(labels map[string]string) []platformDefaults {
	var found []platformDefaults
	for _, one := range d {
		holds := true
		for key, value := range one.Spec.Match.Selector.MatchLabels {
			holds = holds && labels[key] == value
		}
		if holds {
			found = append(found, one)
		}
	}
	return found
}

func fill(present, given map[string]string) map[string]string {
	if present == nil {
		present = map[string]string{}
	}
	for key, value := range given {
		if _, has := present[key]; !has {
			present[key] = value
		}
	}
	return present
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	log.SetLogger(zap.New())
	port, err := strconv.Atoi(os.Args[1])
	must(err)
	text, err := os.ReadFile(os.Args[4])
	must(err)
	var defaults defaulter
	must(json.Unmarshal(text, &defaults))
	scheme := runtime.NewScheme()
	must(corev1.AddToScheme(scheme))
	server := webhook.NewServer(webhook.Options{
		Host:     "127.0.0.1",
		Port:     port,
		CertDir:  filepath.Dir(os.Args[2]),
		CertName: filepath.Base(os.Args[2]),
		KeyName:  filepath.Base(os.Args[3]),
	})
	server.Register("/mutate", admission.WithDefaulter[*corev1.Pod](scheme, defaults))
	must(server.Start(context.Background()))
}
