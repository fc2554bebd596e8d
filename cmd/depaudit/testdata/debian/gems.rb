# Builds a gem of each specification in unpacked Debian packages: ARGV is the
# directory with a directory for each package, and that of the server.
require 'rubygems/package'
require 'fileutils'
packages, server = ARGV
specs = {}
Dir.glob("#{packages}/*/usr/share/rubygems-integration/*/specifications/*.gemspec").sort.each do |file|
  spec = Gem::Specification.load(file) or next
  next if spec.name == 'bundler' # the tool itself
  specs[spec.name] = [spec, file] unless specs[spec.name] && specs[spec.name][0].version >= spec.version
end
FileUtils.mkdir_p "#{server}/gems"
work = "#{server}/../work"
specs.each_value do |spec, file|
  root = file[%r{\A#{Regexp.escape(packages)}/[^/]+}]
  dir = "#{work}/#{spec.full_name}"
  FileUtils.mkdir_p "#{dir}/lib"
  Dir.glob("#{root}/usr/{lib/ruby/vendor_ruby,lib/*/ruby/vendor_ruby/*.*}").each { |d| FileUtils.cp_r "#{d}/.", "#{dir}/lib" }
  Dir.glob("#{root}/usr/share/rubygems-integration/*/gems/#{spec.name}-*").each { |d| FileUtils.cp_r "#{d}/.", dir }
  Dir.chdir(dir) do
    files = Dir.glob('**/*', File::FNM_DOTMATCH).select { |f| File.file?(f) && !File.symlink?(f) }.sort
    files << 'lib/empty.rb'.tap { |f| File.write(f, '') } if files.empty?
    new = Gem::Specification.new do |s|
      s.name, s.version, s.summary, s.authors, s.files = spec.name, spec.version, 'of Debian', ['Debian'], files
      s.homepage, s.license = 'https://www.debian.org', 'MIT'
      s.platform = 'x86_64-linux' if files.any? { |f| f.end_with?('.so') }
      s.bindir = spec.bindir
      s.executables = spec.executables.select { |e| File.file?("#{spec.bindir}/#{e}") }
      spec.runtime_dependencies.each do |d|
        other = specs[d.name] and d.requirement.satisfied_by?(other[0].version) and s.add_runtime_dependency(d.name, *d.requirement.as_list)
      end
    end
    FileUtils.mv Gem::Package.build(new, true), "#{server}/gems/"
  end
end
File.write("#{server}/Gemfile", specs.values.map { |spec, _| "gem '#{spec.name}', '#{spec.version}'\n" }.sort.join)
