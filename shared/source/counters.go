package source

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Limits of the counters. Samples of the last hour are always kept, as far as
// maxSamples and maxInstances allow, so that one up to an hour late counts
// exactly (design section 5, rule 6).
const (
	sampleWindow  = time.Hour
	fewSamples    = 32 // kept however old they are
	maxSamples    = 160
	fewInstances  = 8
	maxInstances  = 32
	maxCounterSum = 1<<53 - 1
)

// counters add up what connectors count from zero after each restart.
type counters struct {
	// Samples are those without an instance, by connector and in order of time.
	Samples map[string][]sample `json:"samples,omitempty"`
	// Instances hold the highest values seen, by connector and instance.
	Instances map[string]map[string]sample `json:"instances,omitempty"`
	// Folded is what older samples and instances of a connector added up to.
	Folded map[string]folded `json:"folded,omitempty"`
}

// A sample is what a connector counted at one time.
type sample struct {
	At     int64            `json:"t"` // Unix milliseconds; of an instance its newest
	Counts map[string]int64 `json:"c"`
}

type folded struct {
	Total map[string]int64 `json:"total"`
	// Last are the values of the newest folded sample: a lower one after it is
	// a restart.
	Last map[string]int64 `json:"last,omitempty"`
	// SamplesTo and InstancesTo are the times up to which all is folded: what
	// comes later than the window allows was counted, or comes too late.
	SamplesTo   int64 `json:"samplesTo,omitempty"`
	InstancesTo int64 `json:"instancesTo,omitempty"`
}

// add counts one sample; false if it changes nothing.
func (c *counters) add(connector, instance string, at int64, counts map[string]int64) bool {
	if instance != "" {
		return c.addInstance(connector, instance, at, counts)
	}
	samples := c.Samples[connector]
	if f, ok := c.Folded[connector]; ok && f.SamplesTo != 0 && at <= f.SamplesTo {
		return false
	}
	added := sample{At: at, Counts: counts}
	for i, s := range samples {
		if s.At == at {
			if maps.Equal(s.Counts, counts) {
				return false
			}
			continue
		}
		if s.At > at {
			c.setSamples(connector, slices.Insert(samples, i, added))
			return true
		}
	}
	c.setSamples(connector, append(samples, added))
	return true
}

func (c *counters) setSamples(connector string, samples []sample) {
	if c.Samples == nil {
		c.Samples = make(map[string][]sample, 1)
	}
	c.Samples[connector] = samples
}

func (c *counters) addInstance(connector, instance string, at int64, counts map[string]int64) bool {
	known, ok := c.Instances[connector][instance]
	if !ok {
		if f, isFolded := c.Folded[connector]; isFolded && f.InstancesTo != 0 && at <= f.InstancesTo {
			return false
		}
		if c.Instances == nil {
			c.Instances = make(map[string]map[string]sample, 1)
		}
		if c.Instances[connector] == nil {
			c.Instances[connector] = make(map[string]sample, 1)
		}
		c.Instances[connector][instance] = sample{At: at, Counts: maps.Clone(counts)}
		return true
	}
	highest := sample{At: max(known.At, at), Counts: maps.Clone(known.Counts)}
	for name, count := range counts {
		if have, ok := highest.Counts[name]; !ok || count > have {
			highest.Counts[name] = count
		}
	}
	c.Instances[connector][instance] = highest
	return known.At != highest.At || !maps.Equal(known.Counts, highest.Counts)
}

// totals adds everything up, by counter.
func (c *counters) totals() map[string]int64 {
	totals := make(map[string]int64)
	add := func(counts map[string]int64) {
		for name, count := range counts {
			totals[name] = min(totals[name]+count, maxCounterSum)
		}
	}
	connectors := make(map[string]bool)
	for connector, f := range c.Folded {
		connectors[connector] = true
		add(f.Total)
	}
	for connector := range c.Samples {
		connectors[connector] = true
	}
	for connector := range connectors {
		beyond, last := run(c.Folded[connector].Last, c.Samples[connector])
		add(beyond)
		add(last)
	}
	for _, instances := range c.Instances {
		for _, highest := range instances {
			add(highest.Counts)
		}
	}
	return totals
}

// run follows samples in order. A value below the last is a restart: the last is
// then final and goes into ended. At equal times the lower value comes first.
func run(from map[string]int64, samples []sample) (ended, last map[string]int64) {
	ended, last = make(map[string]int64), maps.Clone(from)
	if last == nil {
		last = make(map[string]int64)
	}
	for start := 0; start < len(samples); {
		end := start + 1
		for end < len(samples) && samples[end].At == samples[start].At {
			end++
		}
		for name, values := range byName(samples[start:end]) {
			for _, value := range values {
				if value < last[name] {
					ended[name] = min(ended[name]+last[name], maxCounterSum)
				}
				last[name] = value
			}
		}
		start = end
	}
	return ended, last
}

// byName gathers the values of samples of one time, in ascending order.
func byName(samples []sample) map[string][]int64 {
	values := make(map[string][]int64)
	for _, s := range samples {
		for name, count := range s.Counts {
			values[name] = append(values[name], count)
		}
	}
	for name := range values {
		slices.Sort(values[name])
	}
	return values
}

// fold adds up what is old or too much. Shift halves the room, once for each.
func (c *counters) fold(shift int) {
	c.foldSamples(fewSamples>>shift, maxSamples>>shift)
	c.foldInstances(fewInstances>>shift, maxInstances>>shift)
	c.foldConnectors(maxConnectors >> shift)
}

// elsewhere collects the totals of connectors that there is no room for.
const elsewhere = "*"

// foldConnectors gathers the totals of connectors that have nothing left but
// these.
func (c *counters) foldConnectors(most int) {
	for _, connector := range slices.Sorted(maps.Keys(c.Folded)) {
		if len(c.Folded) <= most {
			return
		}
		if connector == elsewhere || len(c.Samples[connector]) > 0 || len(c.Instances[connector]) > 0 {
			continue
		}
		f, all := c.Folded[connector], c.folded(elsewhere)
		for _, counts := range []map[string]int64{f.Total, f.Last} {
			for name, count := range counts {
				all.Total[name] = min(all.Total[name]+count, maxCounterSum)
			}
		}
		delete(c.Folded, connector)
		delete(c.Samples, connector)
		delete(c.Instances, connector)
		c.Folded[elsewhere] = all
	}
}

func (c *counters) foldSamples(few, most int) {
	total := 0
	for connector, samples := range c.Samples {
		for len(samples) > few && samples[0].At < samples[len(samples)-1].At-sampleWindow.Milliseconds() {
			samples = c.foldOldest(connector)
		}
		total += len(samples)
	}
	for ; total > most; total-- {
		oldest := ""
		for connector, samples := range c.Samples {
			if len(samples) > 0 && (oldest == "" || older(connector, samples[0].At, oldest, c.Samples[oldest][0].At)) {
				oldest = connector
			}
		}
		c.foldOldest(oldest)
	}
}

func older(a string, at int64, b string, bt int64) bool {
	return cmp.Or(cmp.Compare(at, bt), cmp.Compare(a, b)) < 0
}

// foldOldest folds the first sample of a connector and gives the others.
func (c *counters) foldOldest(connector string) []sample {
	samples := c.Samples[connector]
	f := c.folded(connector)
	ended, last := run(f.Last, samples[:1])
	for name, count := range ended {
		f.Total[name] = min(f.Total[name]+count, maxCounterSum)
	}
	f.Last, f.SamplesTo = last, samples[0].At
	c.Folded[connector] = f
	c.setSamples(connector, slices.Delete(samples, 0, 1))
	return c.Samples[connector]
}

func (c *counters) folded(connector string) folded {
	if c.Folded == nil {
		c.Folded = make(map[string]folded, 1)
	}
	f := c.Folded[connector]
	if f.Total == nil {
		f.Total = make(map[string]int64)
	}
	return f
}

func (c *counters) foldInstances(few, most int) {
	type named struct {
		connector, instance string
		sample
	}
	var all []named
	for connector, instances := range c.Instances {
		for instance, highest := range instances {
			all = append(all, named{connector, instance, highest})
		}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.connector, b.connector), cmp.Compare(a.instance, b.instance))
	})
	for i, n := range all {
		left := len(all) - i
		old := n.At < all[len(all)-1].At-sampleWindow.Milliseconds()
		if left <= few || left <= most && !old {
			return
		}
		f := c.folded(n.connector)
		for name, count := range n.Counts {
			f.Total[name] = min(f.Total[name]+count, maxCounterSum)
		}
		f.InstancesTo = max(f.InstancesTo, n.At)
		c.Folded[n.connector] = f
		delete(c.Instances[n.connector], n.instance)
	}
}
