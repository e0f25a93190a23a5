import { expect } from "chai";
import fc from "fast-check";
import { plainText, spansOf } from "../../../ci-server/dashboard/log/sgr.ts";

const esc = "\u001b";

describe("the colours of a line in the dashboard", () => {
  it("become the names of styles, until they are taken back", () => {
    expect(spansOf(`a ${esc}[31;1mred${esc}[22m thin${esc}[0m b`)).to.deep.equal([
      { text: "a ", style: "" },
      { text: "red", style: "sgr-bold sgr-red" },
      { text: " thin", style: "sgr-red" },
      { text: " b", style: "" },
    ]);
    expect(spansOf(`${esc}[97;44mx${esc}[39;49my`)).to.deep.equal([
      { text: "x", style: "sgr-bright-white sgr-on-blue" },
      { text: "y", style: "" },
    ]);
  });

  it("are brought to sixteen names where there are more", () => {
    const style = (code: string) => spansOf(`${esc}[${code}mx`)[0]?.style;
    expect(style("38;5;9")).to.equal("sgr-bright-red");
    expect(style("38;5;34")).to.equal("sgr-green");
    expect(style("38;2;255;0;0")).to.equal("sgr-bright-red");
    expect(style("38:2:20:20:180")).to.equal("sgr-blue");
    expect(style("48;5;240;1")).to.equal("sgr-bold sgr-on-bright-black");
  });

  it("T33: are all that is left of control sequences", () => {
    const link = `${esc}]8;;javascript:alert(1)${esc}\\click${esc}]8;;${esc}\\ here`;
    expect(spansOf(link).map(({ text }) => text)).to.deep.equal(["click", " here"]);
    expect(plainText(`${esc}]0;title\u0007x${esc}[2J${esc}[Hy${esc}`)).to.equal("xy");
  });

  it("lose no text and give no style but known names, whatever a line holds", () => {
    const unit = fc.constantFrom(..."\u001b\u001b[]0123456789;:mKab<>\"'& \u0007\\");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (line) => {
        const spans = spansOf(line);
        expect(spans.map(({ text }) => text).join("")).to.equal(plainText(line));
        for (const { text, style } of spans) {
          expect(text).not.to.contain(esc);
          expect(style).to.match(/^(sgr-[a-z-]+( |$))*$/);
        }
      }),
    );
  });
});
