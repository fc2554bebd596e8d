package definition

// run adds what a command installs and publishes.
func (b *jobBuilder) run(step Step, s script) {}
