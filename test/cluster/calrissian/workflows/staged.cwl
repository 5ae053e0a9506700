# A folder handed on from one tool to the next, which has it writable, beside a file that the workflow itself holds.
cwlVersion: v1.2
class: Workflow
inputs: { words: File }
outputs:
  changed: { type: Directory, outputSource: change/changed }
steps:
  make:
    in: { words: words }
    out: [tree]
    run:
      class: CommandLineTool
      hints: { DockerRequirement: { dockerPull: "docker.io/library/busybox:1.36" } }
      inputs: { words: { type: File, inputBinding: { position: 1 } } }
      baseCommand: [sh, -ec, 'mkdir -p tree/below; cp "$0" tree/words; wc -l < "$0" > tree/below/count']
      outputs: { tree: { type: Directory, outputBinding: { glob: tree } } }
  change:
    in: { tree: make/tree }
    out: [changed]
    run:
      class: CommandLineTool
      hints: { DockerRequirement: { dockerPull: "docker.io/library/busybox:1.36" } }
      requirements:
        InitialWorkDirRequirement:
          listing:
            - { entryname: work, entry: $(inputs.tree), writable: true }
            - { entryname: note.txt, entry: "one more\n" }
      inputs: { tree: Directory }
      baseCommand: [sh, -ec, 'cat note.txt >> work/words; mv work/below/count work/lines; rmdir work/below']
      outputs: { changed: { type: Directory, outputBinding: { glob: work } } }
