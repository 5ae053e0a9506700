# One tool, with a file as its input and its output in a file.
cwlVersion: v1.2
class: CommandLineTool
hints:
  DockerRequirement: { dockerPull: "docker.io/library/busybox:1.36" }
inputs:
  words: { type: File, inputBinding: { position: 1 } }
baseCommand: sort
stdout: sorted.txt
outputs:
  sorted: { type: stdout }
