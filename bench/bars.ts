/** One bar, of a value above 0. */
export interface Bar {
  readonly name: string;
  readonly value: number;
}

const WIDTH = 720;
const NAMES = 190;
const VALUES = 90;
const TOP = 40;
const ROW = 30;
const BAR = 18;
const OWN = '#c2410c';
const OTHERS = '#5b6b7a';

/** Bars below each other on a logarithmic scale that begins at 10, as one SVG that reads on light and on dark pages. */
export const drawBars = (title: string, bars: readonly Bar[]): string => {
  const height = TOP + bars.length * ROW + 10;
  const most = Math.log10(Math.max(...bars.map(({ value }) => value))) - 1;
  const rows = bars.map(({ name, value }, index) => {
    const y = TOP + index * ROW;
    const width = Math.max(2, ((WIDTH - NAMES - VALUES) * (Math.log10(value) - 1)) / most);
    const middle = y + BAR / 2 + 4;
    return [
      `<text x="${NAMES - 8}" y="${middle}" text-anchor="end">${name}</text>`,
      `<rect x="${NAMES}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${name.startsWith('quartermaster') ? OWN : OTHERS}"/>`,
      `<text x="${(NAMES + width + 6).toFixed(1)}" y="${middle}">${Math.round(value)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${title}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<g fill="#1f2933">
<text x="12" y="22" font-weight="600">${title}</text>
${rows.join('\n')}
</g>
</svg>
`;
};
