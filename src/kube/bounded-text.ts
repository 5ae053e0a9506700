/** What a stream of bytes holds, as text. Undefined where it is more than `maxBytes`: the rest is then never read. */
export const textWithin = async (
  stream: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  maxBytes: number,
): Promise<string | undefined> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
