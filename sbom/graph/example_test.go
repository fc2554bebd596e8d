package graph_test

import (
	"fmt"
	"log"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// Why is zlib1g installed, and how many packages would autoremove take with
// curl?
func Example() {
	deb := func(name string, reason sbom.InstallReason) sbom.Component {
		return sbom.Component{Kind: sbom.KindOS, Type: "deb", Name: name, Version: "1", PURL: "pkg:deb/debian/" + name + "@1", InstallReason: reason}
	}
	components := []sbom.Component{
		deb("curl", sbom.ReasonExplicit),
		deb("libcurl4", sbom.ReasonDependency),
		deb("zlib1g", sbom.ReasonDependency),
	}
	for i := range components {
		components[i].ID = components[i].Name
	}
	doc, err := sbom.New(sbom.Document{
		Environment: sbom.Environment{Ref: "dir:/srv/root", Kind: "dir"},
		Components:  components,
		Relations: []sbom.Relation{
			{From: "curl", To: "libcurl4", Kind: "depends"},
			{From: "libcurl4", To: "zlib1g", Kind: "depends"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	g := graph.New(doc, graph.Options{})
	ids, err := g.Find("zlib1g")
	if err != nil {
		log.Fatal(err)
	}
	why, err := g.Why(ids[0], graph.WhyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, chain := range why.Chains {
		fmt.Println(g.Component(chain.Root).Name, chain.Reason)
		for _, step := range chain.Steps {
			fmt.Println(" ", step.Kind, g.Component(step.To).Name)
		}
	}
	top, _ := g.Top(1)
	fmt.Printf("%s retains %d others\n", g.Component(top[0].ID).Name, top[0].Retained)
	// Output:
	// curl explicit
	//   depends libcurl4
	//   depends zlib1g
	// curl retains 2 others
}
