package report

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// htmlMap has the two treemaps of a stage.
type htmlMap struct {
	ID, Label    string
	Count, Bytes htmlDrawing
	Legend       []htmlLegend
	Left         string
}

type htmlDrawing struct {
	Kind, Label   string
	Width, Height int
	Groups        []htmlGroup
	Levels        []htmlLevel
	// Texts are the names of the groups.
	Texts []htmlText
}

type htmlGroup struct{ D, Name string }

// htmlLevel has the areas of one grade. The drawing by number has an element with a
// name for each. That by bytes has all in one path, in the same order, those without
// an area too, from which the script makes elements with the same names: it would be
// as much text again.
type htmlLevel struct {
	Letter, All string
	Cells       []htmlGroup
	// Letters are one text for the areas that have room for no more: each letter has a
	// place of its own, at X and Y.
	Letters string
	X, Y    []int
	Texts   []htmlText
}

type htmlText struct {
	X, Y int
	Text string
}

// drawings returns the two treemaps of a stage, nil for a stage of one dependency or
// none, of which an area says nothing.
func (s stage) drawings(g *graph.Graph, id string, legend []htmlLegend) *htmlMap {
	if len(legend) == 0 || s.Counts.Total < 2 {
		return nil
	}
	one := newTreemap(g, func(string) float64 { return 1 })
	bytes := newTreemap(g, func(id string) float64 { return float64(g.Component(id).InstalledSize) })
	m := &htmlMap{ID: id + "-area", Label: "Treemap of " + foreign(s.Name), Legend: legend}
	m.Count = s.drawing(one, "count", "dependencies")
	m.Bytes = s.drawing(bytes, "bytes", "bytes")
	if one.left > 0 {
		m.Left = fmt.Sprintf("%s too small to draw; the table has them.", wording.Count(one.left, "dependency is", "dependencies are"))
	}
	return m
}

// Places of texts in units of the drawing. The script has the same ones.
const (
	letterWidth  = 24 // of an area that has room for its letter
	nameWidth    = 90 // of one with room for some of its name
	lineHeight   = 26 // of both
	glyph        = 12 // of a character, about
	textX, textY = 5, 22
)

// drawing returns one treemap.
func (s stage) drawing(t treemap, kind, of string) htmlDrawing {
	d := htmlDrawing{Kind: kind, Width: mapWidth, Height: mapHeight,
		Label: fmt.Sprintf("Treemap of %s by %s. The table below has the same dependencies.", foreign(s.Name), of)}
	for _, c := range t.groups {
		group := htmlGroup{c.path(), foreign(s.short(c.id))}
		if (box{0, 0, float64(c.w), float64(c.h)}).named() {
			d.Texts = append(d.Texts, htmlText{c.x + textX, c.y + textY, terminal.Cut(group.Name, c.w/glyph)})
		}
		d.Groups = append(d.Groups, group)
	}
	cells := map[string]mapCell{}
	for _, c := range t.cells {
		cells[c.id] = c
	}
	levels := map[string]*htmlLevel{}
	paths := map[string]*strings.Builder{}
	for i := range s.Dependencies {
		dep := &s.Dependencies[i]
		if !dep.Provenance.Counted() {
			continue
		}
		letter, name := gradeOf(dep), foreign(dep.FullName())
		level := levels[letter]
		if level == nil {
			level = &htmlLevel{Letter: letter}
			levels[letter], paths[letter] = level, new(strings.Builder)
		}
		c, drawn := cells[dep.ID]
		path := "M0,0z"
		if drawn {
			path = c.path()
		}
		if kind == "count" {
			level.Cells = append(level.Cells, htmlGroup{path, name})
		} else {
			paths[letter].WriteString(path)
		}
		switch x, y := c.x+textX, c.y+textY; {
		case c.w < letterWidth || c.h < lineHeight:
		case c.w < nameWidth:
			level.Letters += letter
			level.X, level.Y = append(level.X, x), append(level.Y, y)
		default:
			level.Texts = append(level.Texts, htmlText{x, y, letter + " " + terminal.Cut(lastPart(name), c.w/glyph-2)})
		}
	}
	for _, g := range grades() {
		if level := levels[g.Letter]; level != nil {
			level.All = paths[g.Letter].String()
			d.Levels = append(d.Levels, *level)
		}
	}
	return d
}

// lastPart is what is drawn of a name: of a path the last part, which tells files
// of one directory apart.
func lastPart(name string) string {
	if strings.HasPrefix(name, "/") {
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return name
}

// path is the rectangle in the notation of SVG paths, the shortest one.
func (c mapCell) path() string { return fmt.Sprintf("M%d,%dh%dv%dh-%dz", c.x, c.y, c.w, c.h, c.w) }
