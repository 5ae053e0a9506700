/** One line of a chart; points from left to right, all above 0. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 60;
const RIGHT = 16;
const TOP = 52;
const BOTTOM = 44;
const COLUMNS = 2;
/** By the name of a series, the same in every chart. */
const COLOURS: Readonly<Record<string, string>> = { floor: '#5b6b7a', quartermaster: '#c2410c' };

/** The charts side by side, both axes logarithmic, as one SVG that reads on light and on dark pages. */
export const drawCharts = (charts: readonly Chart[]): string => {
  const height = Math.ceil(charts.length / COLUMNS) * HEIGHT;
  const placed = charts.map((chart, index) => {
    const [x, y] = [(index % COLUMNS) * WIDTH, Math.floor(index / COLUMNS) * HEIGHT];
    return `<g transform="translate(${x} ${y})">\n${drawChart(chart)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${COLUMNS * WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...placed,
    '</svg>',
    '',
  ].join('\n');
};

const drawChart = ({ title, xLabel, yLabel, series }: Chart): string => {
  const points = series.flatMap((one) => one.points);
  const x = axis(
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = axis(
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const [middle, centre] = [(LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2];
  return [
    `<text x="${LEFT}" y="18" font-size="13" font-weight="bold" fill="#111827">${escapeXml(title)}</text>`,
    ...x.ticks.map((value) => gridLine(x.at(value), TOP, x.at(value), HEIGHT - BOTTOM)),
    ...y.ticks.map((value) => gridLine(LEFT, y.at(value), WIDTH - RIGHT, y.at(value))),
    ...x.ticks.map((value) => text(x.at(value), HEIGHT - BOTTOM + 15, short(value), 'middle')),
    ...y.ticks.map((value) => text(LEFT - 6, y.at(value) + 4, short(value), 'end')),
    text(middle, HEIGHT - 10, xLabel, 'middle'),
    `<text transform="translate(14 ${centre}) rotate(-90)" text-anchor="middle" fill="#374151">${escapeXml(yLabel)}</text>`,
    ...series.map((one, index) => drawSeries(one, index, x.at, y.at)),
  ].join('\n');
};

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Whole powers of ten around the values, from one pixel to another. */
const axis = (values: readonly number[], from: number, to: number): Axis => {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    at: (value) => Number((from + ((Math.log10(value) - low) / (high - low)) * (to - from)).toFixed(1)),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
  };
};

type Scale = Axis['at'];

const drawSeries = ({ name, points }: Series, index: number, x: Scale, y: Scale): string => {
  const colour = COLOURS[name] ?? '#0f766e';
  const places = points.map(([a, b]) => [x(a), y(b)] as const);
  return [
    `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3" fill="${colour}"/>`),
    `<text x="${LEFT + index * 130}" y="38" fill="${colour}">${escapeXml(name)}</text>`,
  ].join('\n');
};

const gridLine = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#e5e7eb"/>`;

const text = (x: number, y: number, content: string, anchor: 'middle' | 'end'): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#374151">${escapeXml(content)}</text>`;

const short = (value: number): string => {
  if (value >= 1_000_000) return `${value / 1_000_000}M`;
  return value >= 1_000 ? `${value / 1_000}k` : String(value);
};

const escapeXml = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
