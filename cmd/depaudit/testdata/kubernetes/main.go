// Command kubernetes validates the objects in its standard input as the API server does
// before it stores them: strict decoding, defaults, the code that validates, and the
// admission of pods to a namespace for "restricted" ones. It is a module of its own, so that
// no module of Kubernetes is one of depaudit.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	v1 "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	if err := validate(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func validate(r io.Reader) error {
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()
	documents := yaml.NewYAMLReader(bufio.NewReader(r))
	var all error
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			return err
		}
		object, kind, err := decoder.Decode(text, nil, nil)
		if err != nil {
			return err
		}
		ctx := request.WithNamespace(context.Background(), "default")
		var errs field.ErrorList
		switch o := object.(type) {
		case *batch.Job:
			// The API server sets these.
			o.Namespace, o.UID = "default", "8b2f6a4e-1b0e-4b1d-9e0f-0c6a5c3d2b1a"
			job.Strategy.PrepareForCreate(ctx, o)
			errs = job.Strategy.Validate(ctx, o)
			for _, warning := range job.Strategy.WarningsOnCreate(ctx, o) {
				errs = append(errs, field.Forbidden(field.NewPath("warning"), warning))
			}
			detail, err := restricted(&o.Spec.Template)
			if err != nil {
				return err
			}
			if detail != "" {
				errs = append(errs, field.Forbidden(field.NewPath("spec", "template"), "not restricted: "+detail))
			}
		case *core.PersistentVolumeClaim:
			o.Namespace = "default"
			errs = corevalidation.ValidatePersistentVolumeClaim(o, corevalidation.PersistentVolumeClaimSpecValidationOptions{})
		default:
			return fmt.Errorf("no validation of %s", kind)
		}
		fmt.Printf("%s: %d errors\n", kind.Kind, len(errs))
		all = errors.Join(all, errs.ToAggregate())
	}
}

// restricted returns why the admission of pods rejects a template, empty if it does not.
func restricted(t *core.PodTemplateSpec) (string, error) {
	var pod corev1.PodTemplateSpec
	if err := v1.Convert_core_PodTemplateSpec_To_v1_PodTemplateSpec(t, &pod, nil); err != nil {
		return "", err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return "", err
	}
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if result.Allowed {
		return "", nil
	}
	return result.ForbiddenDetail(), nil
}
