"""Run anew by Streamlit for every interaction: draws the app."""

from dashboard import main_page

main_page.draw()
