package definition

// run adds what a command installs and publishes.
func (b *jobBuilder) run(step Step, text *runText, env map[string]string) {}
