"""The Vagrantfile's communicator in Vagrant's own action that waits for it, with a thread that begins late."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="the vagrant driver's libraries are not installed")
pytest.importorskip("vagrant", reason="the vagrant driver's libraries are not installed")

from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths, home
from lab.vm import project

ACTION = "gems/vagrant-*/lib/vagrant/action/builtin/wait_for_communicator.rb"
FOUND = sorted(Path("/usr/share/rubygems-integration/all").glob(ACTION))

# As much of Vagrant as the Vagrantfile and the action touch.  The second thread, which watches the machine's
# state, begins two seconds late; on a loaded host it may be an instant too late.
SCRIPT = """
action, vagrantfile, stub, who = ARGV
module I18n; def self.t(key); key; end; end
module VagrantPlugins; module CommunicatorSSH; class Communicator; end; end; end
module Vagrant
  module Errors
    class VMBootBadState < StandardError; def initialize(seen); super("state '#{seen[:invalid]}'"); end; end
    class VMBootTimeout < StandardError; end
  end
  class Plugin; def self.name(*); end; def self.communicator(*); end; end
  def self.plugin(version); Plugin; end
  def self.source_root; self; end
  def self.join(path); $stub; end
  def self.configure(version); end
end
$stub = stub
load vagrantfile
load action

class << Thread
  alias begin_now new
  def new(&work)
    @threads = (@threads || 0) + 1
    late = @threads == 2
    begin_now { sleep 2 if late; work.call }
  end
end

State = Struct.new(:id)
Machine = Struct.new(:communicate) do
  def config; self; end
  def vm; self; end
  def boot_timeout; 300; end
  def state; State.new(:running); end
end
class Hasty; def wait_for_ready(_timeout); true; end; end
ui = Object.new
def ui.output(words); sleep 0.2; end
machine = Machine.new(who == "hasty" ? Hasty.new : Halab::Communicator.new)
begin
  Vagrant::Action::Builtin::WaitForCommunicator.new(->(env) { puts "up" }, {}, [:running]).call(
    { machine: machine, ui: ui })
rescue Vagrant::Errors::VMBootBadState => error
  puts error.message
end
"""


@pytest.mark.skipif(not FOUND or not shutil.which("ruby"), reason="no Vagrant of this system's Ruby")
@pytest.mark.parametrize(("who", "ends"), [("hasty", "state ''"), ("halab", "up")])
def test_it_waits_until_vagrant_watches(tmp_path: Path, who: str, ends: str) -> None:
    """``hasty`` shows that the race is real: a communicator that is content at once costs the machine."""
    plan = make_plan(topology_from_options(name="demo", driver="vagrant"))
    text = project.render(plan, LabPaths.of("demo"), box="halab/0123", kernel=home() / "images/0123/vmlinuz",
                          uri="qemu:///system?socket=/s", accelerated=False)
    for name, content in (("Vagrantfile", text), ("stub.rb", ""), ("script.rb", SCRIPT)):
        (tmp_path / name).write_text(content)
    words = ["ruby", tmp_path / "script.rb", FOUND[-1], tmp_path / "Vagrantfile", tmp_path / "stub.rb", who]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == (ends, 0), done.stderr
