"""The page of `actscore report`: one HTML file with groups, displays and rows to filter.

`page` has the class that users call. It gathers figures (`summary`), tests of groups (`comparisons`), pictures
(`figures`, of the displays that `displays` chooses) and rows (`encoded_rows`); `html` puts them into the template.
"""
