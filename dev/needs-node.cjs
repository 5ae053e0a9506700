// Plain JavaScript, so that every Node can read it and say what is missing in one sentence.
const least = 24;
const [major] = process.versions.node.split('.').map(Number);
if (major < least) {
  console.error(
    `Quartermaster runs on Node ${least}, this is ${process.versions.node}: npm ci brings it as a package, unless install scripts are off (ignore-scripts); else install Node ${least}.`,
  );
  process.exit(1);
}
