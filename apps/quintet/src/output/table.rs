//! Aligned columns.

use super::style::{Style, paint};

/// Spaces between columns.
const GAP: &str = "  ";

/// Rows of text under headings. Columns are as wide as their widest cell; the last is not padded.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        Self { headings: headings.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as there are headings.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.headings.len(), "a cell for each heading");
        self.rows.push(cells);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, headings first.
    pub(crate) fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let heading = self.headings.get(column).map_or(0, |heading| heading.chars().count());
            cells.map(|cell| cell.chars().count()).fold(heading, usize::max)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut out = String::new();
        let headings = self.headings.iter().map(|heading| (*heading).to_owned());
        let headings = aligned(headings, &widths);
        out.push_str(&paint(Style::Heading, &headings));
        out.push('\n');
        for row in &self.rows {
            out.push_str(&aligned(row.iter().cloned(), &widths));
            out.push('\n');
        }
        out
    }
}

fn aligned(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let padded = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NODE", "ID"]);
        table.row(["dht-00".to_owned(), "4a53".to_owned()]);
        table.row(["grün".to_owned(), "e5f96f".to_owned()]);
        assert_eq!(table.render(), "NODE    ID\ndht-00  4a53\ngrün    e5f96f\n");
    }
}
