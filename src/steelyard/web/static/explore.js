// Draws the figure of the page with Plotly, in the colours of the theme, and again when the theme changes.

const place = document.querySelector("#explored");
const text = document.querySelector("#figure").textContent;
const names = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6", "series-other", "ink"];

const color = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

const axis = (given) => ({ ...given, gridcolor: color("line"), linecolor: color("edge"), zerolinecolor: color("edge"), automargin: true });

const NARROW = 560;

// Black or white, whichever is read better on a colour.
const onto = (rgb) => {
  const [red, green, blue] = rgb.match(/\d+/g).map((part) => (part / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
};

// Pies: shares in the slices, names in the key; of two, what each is of stands in its middle, and a phone stacks them.
const pied = (pies, isNarrow) => {
  pies.forEach((pie, number) => {
    Object.assign(pie, { textposition: "inside", insidetextorientation: "horizontal", texttemplate: "%{percent}" });
    pie.insidetextfont = { color: pie.marker.colors.map(onto) };
    if (pies.length > 1 && isNarrow) pie.domain = { x: [0, 1], y: number ? [0, 0.47] : [0.53, 1] };
  });
  const middle = ([from, to]) => (from + to) / 2;
  const named = ({ name, domain }) => ({ text: name[0].toUpperCase() + name.slice(1), showarrow: false, x: middle(domain.x), y: middle(domain.y), xanchor: "center", yanchor: "middle" });
  const legend = isNarrow ? { legend: { orientation: "h", y: -0.03, yanchor: "top" } } : {};
  return { uniformtext: { mode: "hide", minsize: 11 }, annotations: pies.length > 1 ? pies.map(named) : [], ...legend };
};

// Months: columns, as the server draws them.
const monthly = (line, axes) => {
  Object.assign(line, { type: "bar", marker: { color: line.line.color } });
  Object.assign(axes.xaxis, { type: "date", tickformat: "%b\n%Y", title: undefined });
};

const draw = () => {
  const given = JSON.parse(place.dataset.series);
  const colored = given.reduce((all, hex, number) => all.replaceAll(`"${hex}"`, `"${color(names[number])}"`), text);
  const { data, layout } = JSON.parse(colored);
  for (const line of data.filter((one) => one.fill === "tozeroy")) {
    line.fillcolor = line.line.color.replace("rgb(", "rgba(").replace(")", ", 0.16)");
  }
  const more = {
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    title: { text: "" },
    font: { ...layout.font, family: getComputedStyle(document.body).fontFamily, size: 13 },
    margin: { t: 24, r: 16, b: 40, l: 56 },
    hoverlabel: { bgcolor: color("surface"), bordercolor: color("edge"), font: { color: color("ink") } },
    hovermode: data[0].type === "scatter" && data.length > 1 ? "x unified" : "closest",
    separators: place.dataset.separators,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
    colorway: names.slice(0, 6).map(color),
  };
  const isPie = data[0].type === "pie";
  const isNarrow = place.clientWidth < NARROW;
  const axes = isPie ? pied(data, isNarrow) : { xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis) };
  if (isNarrow && layout.xaxis?.type === "date") Object.assign(axes.xaxis, { nticks: 3, tickangle: 0 });
  if (layout.xaxis?.type === "category") monthly(data[0], axes);
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage", "lasso2d", "select2d", "autoScale2d"] };
  return window.Plotly.react(place, data, { ...layout, ...more, ...axes }, config);
};

if (window.Plotly) {
  place.hidden = false;
  place.closest("section").classList.add("explored");
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
