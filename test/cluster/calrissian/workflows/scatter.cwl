# The same tool for each of several inputs, and one that gathers what they made.
cwlVersion: v1.2
class: Workflow
requirements: { ScatterFeatureRequirement: {} }
inputs: { names: "string[]" }
outputs:
  greetings: { type: "File[]", outputSource: greet/greeting }
  all: { type: File, outputSource: gather/all }
steps:
  greet:
    scatter: name
    in: { name: names }
    out: [greeting]
    run:
      class: CommandLineTool
      hints: { DockerRequirement: { dockerPull: "docker.io/library/busybox:1.36" } }
      inputs: { name: { type: string, inputBinding: { position: 1 } } }
      baseCommand: [echo, hello]
      stdout: $(inputs.name).txt
      outputs: { greeting: { type: stdout } }
  gather:
    in: { greetings: greet/greeting }
    out: [all]
    run:
      class: CommandLineTool
      hints: { DockerRequirement: { dockerPull: "docker.io/library/busybox:1.36" } }
      inputs: { greetings: { type: "File[]", inputBinding: { position: 1 } } }
      baseCommand: cat
      stdout: all.txt
      outputs: { all: { type: stdout } }
