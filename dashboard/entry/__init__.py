"""The script that Streamlit runs, in a folder of its own.

Streamlit takes a folder `pages` beside its script for pages of its older kind, and would run their files as scripts
until the first visitor had been there. Beside this script there is none.
"""
